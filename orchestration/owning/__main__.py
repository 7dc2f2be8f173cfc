"""`python -m orchestration.owning COMMAND [NAME=value …]`: how people own the agreed tables; `make` calls these.

init, check, propose, sign, export and import. Their arguments are also read from the environment, into which make puts
the variables of its command line.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from orchestration.owning.signing import Company

Arguments = Mapping[str, str]


def main(arguments: Sequence[str]) -> int:
    """Run a command; 0 where all that was asked for happened."""
    if not arguments or arguments[0] not in COMMANDS:
        print(f"usage: python -m orchestration.owning {' | '.join(COMMANDS)} [NAME=value …]", file=sys.stderr)
        return 2
    command, names = COMMANDS[arguments[0]]
    given = dict(part.partition("=")[::2] for part in arguments[1:])
    unknown = [part for part in arguments[1:] if "=" not in part or part.partition("=")[0] not in names]
    if unknown:
        print(f"{arguments[0]}: {unknown[0]!r} is none of {', '.join(names) or 'no arguments'}", file=sys.stderr)
        return 2
    from expectations.contract import ContractError
    from orchestration.agreed_definitions import DefinitionsError
    from orchestration.build_context import BuildError
    from orchestration.dbt_runs import DbtError
    from orchestration.landing import LandingError
    from orchestration.owning.folder import FolderError
    from orchestration.owning.signing import OwningError

    try:
        command({name: given.get(name, os.environ.get(name, "")).strip() for name in names})
    except (
        BuildError,
        ContractError,
        DbtError,
        DefinitionsError,
        FolderError,
        LandingError,
        OwningError,
        SettingsError,
    ) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def init(_: Arguments) -> None:
    """The first day of a company."""
    from orchestration.owning.first_day import first_day, summary

    settings, target = _company("make init")
    if settings.is_demo:
        raise SettingsError(
            "CONCORD_EXTRACTS is not set: the first day looks at your own extracts. make run without settings shows the"
            " demo"
        )
    for name, place in (("CONCORD_EXTRACTS", settings.extracts), ("CONCORD_WAREHOUSE", settings.warehouse)):
        if target.resolve().is_relative_to(place.resolve()):
            raise SettingsError(f"CONCORD_DEFINITIONS={target} lies in {name}={place}: choose a folder of its own")
    began = time.monotonic()

    def progress(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)

    made = first_day(settings, target, progress)
    print("\n" + summary(made, settings), flush=True)


def check(_: Arguments) -> None:
    """Whether the tables can be built on, and how each version stands."""
    from orchestration.agreed_definitions import (
        Definitions,
        DefinitionsError,
        describe,
        read_specs,
        read_tables,
        reference_findings,
        version_states,
    )
    from orchestration.owning.joint_log import joint_log_findings

    settings = read_settings(os.environ)
    ours = settings.project / "seeds"
    tables = read_tables(read_specs(ours), ours, settings.definitions)
    if findings := joint_log_findings(tables):
        raise DefinitionsError("\n".join(findings))
    lines = describe(Definitions(tables, version_states(tables)))
    lines += [f"Warning: {finding}" for finding in reference_findings(tables, is_strict=False)]
    print("\n".join(lines))


def propose(given: Arguments) -> None:
    """Begin a version."""
    from orchestration.owning.signing import propose as begin

    _ask(given, "VERSION")
    told = begin(
        _folder("make definitions-propose"),
        given["VERSION"],
        base=given["FROM"] or None,
        effective_from=given["EFFECTIVE"],
        note=given["NOTE"],
    )
    print("\n".join(told))


def sign(given: Arguments) -> None:
    """Sign a version for a team."""
    from orchestration.owning.signing import sign as put

    _ask(given, "VERSION", "TEAM", "BY")
    told = put(
        _folder("make definitions-sign"),
        given["VERSION"],
        given["TEAM"],
        given["BY"],
        on=given["ON"],
        content=given["HASH"],
        again=given["AGAIN"] not in ("", "0"),
    )
    print("\n".join(told))


def export_workbook(given: Arguments) -> None:
    """All tables as one workbook."""
    from orchestration.owning.workbook import export

    company = _folder("make definitions-export")
    target = Path(given["FILE"] or f"{company.folder.resolve()}.xlsx").expanduser()
    rows = export(company, target)
    print(f"Wrote {target}: {len(rows)} sheets, {sum(rows.values()):,} rows. Take it over with make definitions-import")


def import_workbook(given: Arguments) -> None:
    """A workbook's tables into the company's folder."""
    from orchestration.owning.joint_log import joint_log_findings
    from orchestration.owning.workbook import take_over

    company = _folder("make definitions-import")
    source = Path(given["FILE"] or f"{company.folder.resolve()}.xlsx").expanduser()
    done = take_over(company, source, [joint_log_findings])
    for name, (before, after) in done.changed.items():
        print(f"Changed     {name}: {before:,} rows before, {after:,} now")
    if not done.changed:
        print(f"Changed     nothing: {source} says what the tables say")
    for name in done.kept:
        print(f"Kept        {name}: changed in the folder since the export, not in the workbook")
    for name in done.missing:
        print(f"Kept        {name}: the workbook has no sheet of it")
    for warning in done.warnings:
        print(f"Warning     {warning}")


COMMANDS: Mapping[str, tuple[Callable[[Arguments], None], tuple[str, ...]]] = {
    "init": (init, ()),
    "check": (check, ()),
    "propose": (propose, ("VERSION", "FROM", "EFFECTIVE", "NOTE")),
    "sign": (sign, ("VERSION", "TEAM", "BY", "ON", "HASH", "AGAIN")),
    "export": (export_workbook, ("FILE",)),
    "import": (import_workbook, ("FILE",)),
}


def _ask(given: Arguments, *names: str) -> None:
    missing = [name for name in names if not given[name]]
    if missing:
        raise SettingsError(f"{missing[0]}= is missing: {' '.join(f'{name}=…' for name in names)} have to be given")


def _folder(command: str) -> Company:
    from orchestration.owning.signing import Company

    settings, folder = _company(command)
    if not folder.is_dir():
        raise SettingsError(f"CONCORD_DEFINITIONS={folder}: there is no such folder; make init writes one")
    return Company(folder, settings.project / "seeds")


def _company(command: str) -> tuple[Settings, Path]:
    """The settings without the company's folder, and that folder, which need not be there."""
    given = os.environ.get("CONCORD_DEFINITIONS", "").strip()
    settings = read_settings({**os.environ, "CONCORD_DEFINITIONS": ""})
    if not given:
        raise SettingsError(f"CONCORD_DEFINITIONS is not set: {command} needs the folder of your agreed tables")
    path = Path(given).expanduser()
    return settings, path if path.is_absolute() else settings.project / path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
