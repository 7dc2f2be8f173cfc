"""What a person reads at the end of a run."""

from __future__ import annotations

from collections import defaultdict

from orchestration.landing import LandingReport
from orchestration.main_job import Outcome
from orchestration.preparation import MainJob

_RULES_SHOWN = 12
_WARNINGS_SHOWN = 5


def summary(outcome: Outcome) -> str:
    """The end of a run in words: loaded, held back, stale, signed or not, published, where to look."""
    run = outcome.run
    lines: list[str] = []
    if run is not None and run.landing is not None:
        lines += _landing_lines(run.landing)
    if run is not None and run.build is not None:
        lines += _build_lines(run)
    if outcome.warnings:
        lines.append("Warnings of data tests:")
        lines += [f"  {warning.name}: {warning.message}" for warning in outcome.warnings[:_RULES_SHOWN]]
    if run is not None and run.publication is not None:
        publication = run.publication
        lines.append(
            f"Published   {len(publication.rows)} tables, {sum(publication.rows.values()):,} rows"
            + (f"; {publication.restatements} figures of closed months restated" if publication.restatements else "")
        )
        lines.append(f"Look at     {publication.link} (any DuckDB client, read-only)")
        if run.page is not None:
            lines.append(f"            {run.page} (the dashboard, any browser)")
        lines.append(
            "            audit.loads, audit.quarantine_counts and audit.contract_results say what was held back"
        )
    if run is not None and run.postgres is not None:
        postgres = run.postgres
        lines.append(
            f"PostgreSQL  {len(postgres.rows)} tables, {sum(postgres.rows.values()):,} rows at {postgres.place}"
            + (", unchanged" if postgres.is_unchanged else "")
            + " (readers: role bi_reader)"
        )
        lines += [f"            {note}" for note in postgres.notes]
    for error in outcome.errors:
        lines.append(f"FAILED      {error}")
    if outcome.missing:
        lines.append("FAILED      the run ended without an error, but these were not made:")
        lines += [f"  {name}" for name in outcome.missing[:_RULES_SHOWN]]
        if len(outcome.missing) > _RULES_SHOWN:
            lines.append(f"  and {len(outcome.missing) - _RULES_SHOWN} more")
    if not outcome.is_success and (run is None or run.publication is None):
        lines.append("            What was published before is unchanged.")
    lines.append(f"Took        {outcome.seconds:.0f} s")
    return "\n".join(lines)


def _landing_lines(landing: LandingReport) -> list[str]:
    loads = landing.new_loads
    delivered = sum(load.rows_delivered for load in loads)
    extracts = sum(1 for extract in landing.extracts if any(load.is_new for load in extract.loads))
    superseded = sum(load.rows_superseded for load in loads)
    lines = [
        f"Loaded      {len(loads)} new files of {extracts} extracts: {delivered:,} rows delivered,"
        f" {landing.rows_accepted:,} accepted, {superseded:,} superseded"
        if loads
        else "Loaded      nothing: no new files"
    ]
    released = sum(extract.rows_released for extract in landing.extracts)
    if released:
        lines.append(f"Released    {released:,} rows that were held back before")
    held = [extract for extract in landing.extracts if extract.rows_held]
    lines.append(f"Held back   {sum(extract.rows_held for extract in held):,} rows of {len(held)} extracts")
    by_owner: dict[str, list[str]] = defaultdict(list)
    for extract in held:
        by_owner[extract.owner].append(f"{extract.name} {extract.rows_held:,}")
    lines += [f"  {owner}: {', '.join(names)}" for owner, names in sorted(by_owner.items())]
    broken = [rule for rule in landing.broken_rules if rule.severity == "error"]
    lines += [f"  {rule.message}" for rule in broken[:_RULES_SHOWN]]
    if len(broken) > _RULES_SHOWN:
        lines.append(f"  and {len(broken) - _RULES_SHOWN} more broken rules, in audit.contract_results")
    warned = [rule for rule in landing.broken_rules if rule.severity == "warning" and rule.rule != "freshness"]
    if warned:
        lines.append(f"Warnings    {len(warned)} of contracts, all in audit.contract_results")
        lines += [f"  {rule.message}" for rule in warned[:_WARNINGS_SHOWN]]
    stale = landing.stale_extracts
    lines.append(f"Stale       {len(stale)} extracts" if stale else "Stale       none")
    lines += [f"  {extract.name} ({extract.owner}): {extract.stale_reason}" for extract in stale]
    return lines


def _build_lines(run: MainJob) -> list[str]:
    build = run.build
    if build is None:
        return []
    states = {version.version: version for version in run.prepared.definitions.versions}
    unsigned = run.prepared.definitions.unsigned(build.as_of)
    if build.definition_version is None:
        signed = "PROVISIONAL: no definition version is in effect"
    elif build.is_provisional:
        named = "; ".join(f"version {version.version} lacks {', '.join(version.missing)}" for version in unsigned)
        signed = f"PROVISIONAL: {named}"
    else:
        signed = f"version {build.definition_version}, signed by both teams"
    content = f", content {states[build.definition_version].content_hash[:12]}" if build.definition_version else ""
    return [
        f"Build       {build.build_id}, as of {build.as_of:%Y-%m-%d %H:%M} UTC, from {build.origin}"
        + (" (DEMO)" if build.is_demo else ""),
        f"Definitions {signed}{content}",
        *_decision_lines(run),
    ]


def _decision_lines(run: MainJob) -> list[str]:
    """How much of what the first day found is still to be decided."""
    table = run.prepared.definitions.tables.get("found_values")
    rows = table.rows if table is not None else ()
    left = [row for row in rows if row["decision"] == "open"]
    records = sum(int(row["records"] or 0) for row in left)
    named = f", {records:,} records" if records else ""
    return (
        [f"To decide   {len(left):,} of {len(rows):,} findings of the first day{named}: {table.path}"] if left else []
    )
