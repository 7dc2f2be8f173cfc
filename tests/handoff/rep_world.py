"""A company whose teams and regions are of all sizes, built by dbt on the demo's rows, and what is known of its reps.

Whatever only a few reps have in common (an id, an address, a team, a region, a time zone) has the word `secret` in it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from orchestration.agreed_definitions import Definitions
from orchestration.build_context import begin_build
from orchestration.publishing import publish
from orchestration.publishing.tables import PublishedTable, tables_of_manifest
from orchestration.publishing.visibility import RepVisibility
from orchestration.settings import Settings
from tests.dbt_on import TestBuild

MINIMUM = 5


@dataclass(frozen=True)
class Rep:
    """What the company knows of a rep; `is_user` is false of one who owns deals and was never delivered."""

    rep_id: str
    team: str | None
    region: str | None
    is_active: bool = True
    is_user: bool = True


def _of(team: str | None, region: str | None, members: int, **facts: bool) -> list[Rep]:
    kind = "-".join((team or "none", region or "none", *facts)).lower().replace("secret ", "")
    return [Rep(f"salesforce:secret-{kind}-{n}", team, region, **facts) for n in range(members)]


# Openville may be named, and within it the region Farland (6), since Lemuria (5) has to hide the two of Thule. South is
# large enough, but has to hide East, the one without a team, who left and who was never delivered.
REPS = [
    *_of("Openville", "Farland", 6),
    *_of("Openville", "secret Lemuria", 5),
    *_of("Openville", "secret Thule", 2),
    *_of("secret South", "Farland", 4),
    *_of("secret South", "secret Lemuria", 1),
    *_of("secret East", "secret Thule", 2),
    *_of(None, None, 1),
    *_of("secret East", "secret Thule", 1, is_active=False),
    *_of(None, None, 1, is_user=False),
]
NAMED = {"Openville", "Farland"}

# Everything that the models read of reps, and the row by which each is dealt out anew.
_DEALT_OUT = {
    "intermediate.int_opportunity_states": ("rep_id", "opportunity_id || coalesce(rep_id, '')"),
    "intermediate.int_opportunities": ("rep_id", "opportunity_id || coalesce(rep_id, '')"),
    "intermediate.int_handoff_owner_spells": ("rep_id", "lead_cycle_id || owner_number"),
    "intermediate.int_activities": ("rep_id", "coalesce(person_id, '')"),
    "core.fct_touches": ("rep_id", "coalesce(person_id, '')"),
    "funnel.fct_lead_cycles": ("rep_id", "lead_cycle_id || 1"),
}
# What of it is built anew by dbt: all between those and what is published.
_BUILT = (
    "int_rep_calendars",
    "fct_handoffs",
    "fct_handoff_owners",
    "fct_queue_choices",
    "rpt_rep_follow_up",
)
_NAMING = (
    "dim_reps",
    "int_pipeline_states",
    "fct_opportunities",
    "fct_pipeline_days",
    "fct_pipeline_changes",
    "fct_pipeline_snapshots",
    "rpt_campaign_readiness",
    "rpt_follow_up",
    "rpt_work_queue",
    "rpt_standing_leads",
    "rpt_open_pipeline",
    "rpt_pipeline_bridge",
    "rpt_pipeline_moves",
    "rpt_pipeline_progress",
    "rpt_quarter_progress",
)
_HEIRS = (
    "assert_pipeline_bridge_adds_up_and_chains",
    "assert_pipeline_bridge_ends_with_the_open_pipeline",
    "assert_pipeline_days_end_with_the_open_opportunities",
)


class World:
    """The company's build file, built with `rep_visibility: team`; `without_names` is the same with `off`."""

    def __init__(self, demo, manifest, folder: Path) -> None:
        self._demo, self._manifest, self._folder = demo, manifest, folder
        self._build = TestBuild(folder / "warehouse")
        self.file = self._build.file
        shutil.copy(demo.settings.build_file, self.file)
        self.deal_out()
        self._dbt("int_rep_groups", *_BUILT, *_NAMING)

    def _dbt(self, *models: str) -> None:
        # Of the tests only the named ones: others compare with models that are not built anew here.
        self._build.dbt("--quiet", "build", "--indirect-selection", "empty", "--select", *models, *_HEIRS)

    def deal_out(self) -> None:
        """Replace the demo's reps by `REPS`: everything that had an owner has one of them."""
        with duckdb.connect(str(self.file)) as build:
            build.execute("create temp table reps (n integer, rep_id varchar)")
            build.executemany("insert into reps values (?, ?)", [(n, rep.rep_id) for n, rep in enumerate(REPS)])
            for table, (column, row) in _DEALT_OUT.items():
                # An id that no user has owns no hand-off.
                among = len(REPS) - (table == "intermediate.int_handoff_owner_spells")
                build.execute(
                    f"update {table} as t set {column} = reps.rep_id from reps"
                    f" where reps.n = hash({row.replace('rep_id', 't.rep_id')}) % {among}"
                    f" and t.{column} like 'salesforce:%'"
                )
            # The first touch is the owner's own, or there would be no choices to be told of.
            build.execute(
                "update intermediate.int_handoff_responses as t set first_touch_rep_id = null"
                " where first_touch_rep_id is not null"
            )
            build.execute("delete from intermediate.int_user_records_unioned where system = 'salesforce'")
            build.executemany(
                "insert into intermediate.int_user_records_unioned by name select 'salesforce' as system,"
                " 'user' as object, $id as record_id, 'salesforce:user:' || $id as record_key,"
                " 'Secret Name' as user_name, $id || '@secret.example' as email, 'Account Executive' as role,"
                " $team as team, $region as region, 'secret/' || $region as time_zone, false as is_queue,"
                " $active as is_active, false as is_deleted",
                [
                    {
                        "id": rep.rep_id.removeprefix("salesforce:"),
                        "team": rep.team,
                        "region": rep.region,
                        "active": rep.is_active,
                    }
                    for rep in REPS
                    if rep.is_user
                ],
            )

    def settings(self, folder: Path) -> Settings:
        """Settings of a warehouse of its own with this build file."""
        settings = replace(self._demo.settings, warehouse=folder)
        settings.private.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.file, settings.build_file)
        return settings

    def hide_all(self) -> None:
        """Build as `rep_visibility: off` does, which names no group."""
        with duckdb.connect(str(self.file)) as build:
            build.execute("update intermediate.int_rep_groups set rep_group = null, rep_region = null")
        self._dbt(*_NAMING)

    @property
    def tables(self) -> list[PublishedTable]:
        """What is published. The metrics, which the main job makes of these tables, are left out."""
        return [table for table in tables_of_manifest(self._manifest) if table.schema != "metrics"]

    def publish(self, level: str, folder: Path) -> Settings:
        """Publish the build file as it is."""
        settings = self.settings(folder)
        with duckdb.connect(str(settings.build_file), read_only=True) as build:
            ((as_of,),) = build.execute("select as_of from audit.build_context").fetchall()
        context = begin_build(settings, Definitions({}, ()), as_of=as_of)
        publish(settings, context, self.tables, visibility=RepVisibility(level))
        return settings
