"""The settings of a run, read from the environment once and passed on as one immutable value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.dsn import DsnError, PostgresDsn, read_dsn

PROJECT_ROOT = Path(__file__).resolve().parent.parent

# What each setting is for; the README prints the same list. Anything else called CONCORD_… is refused,
# so that a misspelled setting is not silently a default.
SETTINGS = {
    "CONCORD_EXTRACTS": "folder <system>/<object>/ of extract files; the generated demo where it is not set",
    "CONCORD_WAREHOUSE": "folder of the warehouse that is built and published; default ./warehouse",
    "CONCORD_DEFINITIONS": "folder with some or all agreed tables of the company, each replacing ours",
    "CONCORD_AS_OF": "fixes the build's now, an ISO date or time (UTC)",
    "CONCORD_TARGET": "engine: duckdb",
    "CONCORD_POSTGRES": "connection string of a PostgreSQL database that gets a copy of each published build",
    "CONCORD_DEMO_SCALE": "size of the generated demo; 1 is about 20,000 contacts",
    "CONCORD_DASHBOARD_USERS": "file of those who may open the dashboard, outside of the project",
    "CONCORD_DASHBOARD_HOST": "address that the dashboard listens on; default 127.0.0.1, this machine alone",
    "CONCORD_DASHBOARD_PORT": "port that it listens on; default 8765",
    "CONCORD_DASHBOARD_URL": "address by which people reach it, where that is another one",
    "CONCORD_DASHBOARD_CERTIFICATE": "TLS certificate, where the dashboard speaks TLS itself",
    "CONCORD_DASHBOARD_KEY": "its private key",
    "CONCORD_DASHBOARD_PROXIES": "addresses of proxies that may say whose request they pass on",
    "CONCORD_DIGEST_SMTP": "mail server of the weekly digests, smtp:// or smtps://, with user and password",
    "CONCORD_DIGEST_FROM": "address that the digests come from",
    "CONCORD_DIGEST_TO": "who gets them: role=address,address;role=address",
    "CONCORD_DIGEST_WEBHOOK": "https address that gets each digest as JSON",
}
# Set by the orchestration for the dbt process alone; whatever they are outside is not looked at.
_INTERNAL = frozenset({"CONCORD_BUILD_FILE", "CONCORD_SEED_PATH"})


class SettingsError(Exception):
    """A setting is missing, unknown or unusable; the message names it and says what would do."""


@dataclass(frozen=True)
class Settings:
    """Everything that a run needs to know from outside.

    Attributes:
        extracts: folder of the extracts; for a demo the folder that the generator fills.
        warehouse: folder of the warehouse; made where it is missing.
        definitions: the company's folder of agreed tables (only ever read), or None.
        as_of: the fixed now of the build (naive UTC), or None for the newest accepted evidence.
        target: the engine, `duckdb`.
        demo_scale: scale of the demo, or None where the extracts are the company's.
        postgres: the PostgreSQL database that gets a copy of each published build, or None.
        project: root of the project.
    """

    extracts: Path
    warehouse: Path
    definitions: Path | None = None
    as_of: datetime | None = None
    target: str = "duckdb"
    demo_scale: float | None = None
    postgres: PostgresDsn | None = None
    project: Path = PROJECT_ROOT

    @property
    def is_demo(self) -> bool:
        """Whether the extracts are the generated demo."""
        return self.demo_scale is not None

    @property
    def origin(self) -> str:
        """What the warehouse is made of: `extracts`, or `demo at scale …`."""
        return "extracts" if self.demo_scale is None else f"demo at scale {self.demo_scale:g}"

    @property
    def scratch(self) -> Path:
        """The project's scratch folder; safe to delete between runs."""
        return self.project / ".concord"

    @property
    def private(self) -> Path:
        """The folder that is never served."""
        return self.warehouse / "private"

    @property
    def build_file(self) -> Path:
        """The private build file, written by one process at a time."""
        return self.private / "build.duckdb"

    @property
    def held(self) -> Path:
        """Files that could not be read, kept as delivered."""
        return self.private / "held"

    @property
    def builds(self) -> Path:
        """Published builds, the newest few."""
        return self.warehouse / "builds"

    @property
    def published(self) -> Path:
        """The link that every reader opens."""
        return self.warehouse / "concord.duckdb"

    @property
    def lock_file(self) -> Path:
        """The lock of the single writer."""
        return self.warehouse / "writer.lock"

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its run history."""
        return self.scratch / "dagster"


def read_settings(environment: Mapping[str, str], *, project: Path = PROJECT_ROOT) -> Settings:
    """Read and check the settings.

    An empty value counts as not set, so that make variables can be passed on as they are.

    Raises:
        SettingsError: naming the setting, its value and what is accepted.
    """
    given = {
        name: value.strip()
        for name, value in environment.items()
        if name.startswith("CONCORD_") and name not in _INTERNAL and value.strip()
    }
    unknown = sorted(set(given) - set(SETTINGS))
    if unknown:
        raise SettingsError(
            f"unknown setting{'s' if len(unknown) > 1 else ''} {', '.join(unknown)}; known are {', '.join(SETTINGS)}"
        )
    target = given.get("CONCORD_TARGET", "duckdb")
    if target == "spark":
        raise SettingsError(
            "CONCORD_TARGET=spark: Concord does not run on Spark yet; leave it unset to build with DuckDB"
        )
    if target != "duckdb":
        raise SettingsError(f"CONCORD_TARGET={target}: unknown engine; the only one is duckdb")
    try:
        postgres = read_dsn(given["CONCORD_POSTGRES"]) if "CONCORD_POSTGRES" in given else None
    except DsnError as error:
        raise SettingsError(f"CONCORD_POSTGRES {error}") from None

    if "CONCORD_EXTRACTS" in given:
        if "CONCORD_DEMO_SCALE" in given:
            raise SettingsError(
                "CONCORD_DEMO_SCALE is set beside CONCORD_EXTRACTS: the demo exists only where no extracts are given;"
                " unset one of them"
            )
        scale = None
        extracts = _folder("CONCORD_EXTRACTS", given["CONCORD_EXTRACTS"], project)
    else:
        scale = _scale(given.get("CONCORD_DEMO_SCALE", "1"))
        extracts = project / ".concord" / "demo" / f"{scale:g}" / "extracts"

    warehouse = _path(given.get("CONCORD_WAREHOUSE", "warehouse"), project)
    if warehouse.exists() and not warehouse.is_dir():
        raise SettingsError(f"CONCORD_WAREHOUSE={warehouse} is not a folder")
    definitions = given.get("CONCORD_DEFINITIONS")
    return Settings(
        extracts=extracts,
        warehouse=warehouse,
        definitions=_folder("CONCORD_DEFINITIONS", definitions, project) if definitions else None,
        as_of=_instant(given["CONCORD_AS_OF"]) if "CONCORD_AS_OF" in given else None,
        target=target,
        demo_scale=scale,
        postgres=postgres,
        project=project,
    )


def _path(value: str, project: Path) -> Path:
    path = Path(value).expanduser()
    return path if path.is_absolute() else project / path


def _folder(name: str, value: str, project: Path) -> Path:
    path = _path(value, project)
    if not path.exists():
        raise SettingsError(f"{name}={value}: there is no such folder")
    if not path.is_dir():
        raise SettingsError(f"{name}={value} is not a folder")
    return path.resolve()


def _scale(value: str) -> float:
    try:
        scale = float(value)
    except ValueError:
        scale = 0.0
    if not 0.001 <= scale <= 100:
        raise SettingsError(f"CONCORD_DEMO_SCALE={value}: must be a number from 0.001 to 100")
    return scale


def _instant(value: str) -> datetime:
    """A naive UTC instant; a bare date is the start of that day."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return datetime.combine(date.fromisoformat(value), datetime.min.time())
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise SettingsError(
            f"CONCORD_AS_OF={value}: not an ISO date or time, such as 2026-06-30 or 2026-06-30T12:00:00Z"
        ) from None
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
