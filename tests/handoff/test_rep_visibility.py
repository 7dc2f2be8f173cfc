"""With rep_visibility team or off nothing that leaves the private build tells of fewer than five reps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy

import duckdb
import pytest

from dashboard.access import Users
from dashboard.access_scopes import EVERYTHING, Scope
from dashboard.digests import write_digests
from dashboard.drill_downs import DRILL_DOWNS
from dashboard.page import fitting
from orchestration.publishing.postgres import publish_to_postgres
from orchestration.publishing.tables import AUDIT_TABLES, PublishedTable
from orchestration.settings import Settings
from tests.dashboard.serving import serving
from tests.handoff.rep_attack import findings, named, says, seen_by_readers
from tests.handoff.rep_world import World
from tests.postgres.conftest import database, postgres_server  # noqa: F401

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Published:
    """A warehouse published with a visibility, and the words that nobody should read in it."""

    level: str
    settings: Settings
    tables: list[PublishedTable]
    words: tuple[str, ...]

    def attack(self) -> duckdb.DuckDBPyConnection:
        return seen_by_readers(self.settings.published, self.settings.build_file)


@pytest.fixture(scope="module")
def by_level(demo, manifest, tmp_path_factory) -> dict[str, Published]:
    folder = tmp_path_factory.mktemp("reps")
    world = World(demo, manifest, folder)
    team = Published("team", world.publish("team", folder / "team"), world.tables, ("secret",))
    world.hide_all()
    off = Published("off", world.publish("off", folder / "off"), world.tables, ("secret", "openville", "farland"))
    return {"team": team, "off": off}


@pytest.mark.parametrize("level", ["team", "off"])
def test_no_group_under_five_can_be_singled_out(by_level, level) -> None:
    with by_level[level].attack() as attack:
        found = findings(attack, by_level[level].words)
        assert not found, "\n".join(found)
        expected = {("Openville", None), ("Openville", "Farland")} if level == "team" else set()
        assert named(attack) == expected
        groups = attack.execute("select distinct rep_id from seen.funnel.fct_handoffs").fetchall()
        assert set(groups) == ({("team:Openville",), (None,)} if level == "team" else {(None,)})


# What would be wrong to publish, as a change of what is published, and what the attack says of it.
MISTAKES = {
    "the team as it is": (
        "update seen.revenue.fct_pipeline_changes as t set owner_team = p.team"
        " from private.revenue.fct_pipeline_changes as c inner join private.core.dim_reps as p using (rep_id)"
        " where t.pipeline_change_id = c.pipeline_change_id",
        "revenue.fct_pipeline_changes.owner_team has a word",
    ),
    "the region of an owner": (
        "update seen.revenue.rpt_pipeline_bridge set owner_region = 'secret Thule' where owner_region = '(unknown)'",
        "revenue.rpt_pipeline_bridge.owner_region has a word",
    ),
    "a number for each region": (
        "alter table seen.funnel.fct_handoffs add column office bigint; update seen.funnel.fct_handoffs as t"
        " set office = hash(coalesce(p.region, '')) % 9999 from private.funnel.fct_handoffs as h"
        " inner join private.core.dim_reps as p using (rep_id) where t.lead_cycle_id = h.lead_cycle_id",
        'funnel.fct_handoffs: ("office"',
    ),
    "all regions of a team but the smallest": (
        "update seen.revenue.fct_pipeline_changes as t set owner_region = p.region"
        " from private.revenue.fct_pipeline_changes as c inner join private.core.dim_reps as p using (rep_id)"
        " where t.pipeline_change_id = c.pipeline_change_id and p.region = 'secret Lemuria' and p.team = 'Openville'",
        "2 reps are known as",
    ),
    "the team of the calendar": (
        "alter table seen.funnel.fct_handoff_owners add column calendar varchar;"
        " update seen.funnel.fct_handoff_owners as t set calendar = md5(p.time_zone)"
        " from private.funnel.fct_handoff_owners as h inner join private.core.dim_reps as p using (rep_id)"
        " where t.lead_cycle_id = h.lead_cycle_id and t.owner_number = h.owner_number",
        'funnel.fct_handoff_owners: ("calendar"',
    ),
    "the lead that was passed over": (
        "alter table seen.funnel.fct_queue_choices add column passed_over varchar;"
        " update seen.funnel.fct_queue_choices as t set passed_over = p.best_waiting_lead_cycle_id"
        " from private.funnel.fct_queue_choices as p where t.lead_cycle_id = p.lead_cycle_id",
        "funnel.fct_queue_choices.passed_over leads to other hand-offs",
    ),
    "what all but one have worked": (
        "update seen.funnel.rpt_campaign_readiness set waiting = waiting - 1",
        "funnel.rpt_campaign_readiness tells of some reps",
    ),
    "the ids": (
        "update seen.funnel.rpt_work_queue as t set rep_id = p.rep_id from private.funnel.rpt_work_queue as p"
        " where t.lead_cycle_id = p.lead_cycle_id",
        "funnel.rpt_work_queue.rep_id has a word",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_attack_finds_what_is_not_hidden(by_level, mistake) -> None:
    change, expected = MISTAKES[mistake]
    with by_level["team"].attack() as attack:
        attack.execute(change)
        table = re.search(r"seen\.(\w+\.\w+)", change)[1]
        found = findings(attack, tables=[table])
        assert any(expected in finding for finding in found), found


def heard(text: str, words: tuple[str, ...]) -> set[str]:
    """The words that a text says."""
    return {word for word in words if word in text.lower()}


@pytest.mark.parametrize("level", ["team", "off"])
def test_the_page_and_the_digests_say_no_more(by_level, tmp_path, level) -> None:
    published = by_level[level]
    content, page = fitting(published.settings.published)
    # The page itself never says these words: rows are embedded in it as plain JSON.
    assert heard(page, published.words) == set()
    assert ("openville" in page.lower()) == (level == "team")
    for path in write_digests(content, tmp_path):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
        assert parts
        assert heard(" ".join(parts), published.words) == set(), path.name


def test_postgres_says_no_more(by_level, database) -> None:  # noqa: F811
    published = by_level["team"]
    publish_to_postgres(database.dsn, published.settings.published, [*published.tables, *AUDIT_TABLES], indexes={})
    columns = database.rows(
        "select table_schema, table_name, column_name from information_schema.columns"
        " where table_schema not in ('pg_catalog', 'information_schema') and data_type in ('text', 'character varying')"
    )
    found, teams = [], set()
    for schema, table, column in columns:
        place = f'"{schema}"."{table}"'
        condition = says(f'"{column}"', published.words).replace("contains(", "strpos(").replace("')", "') > 0")
        if database.rows(f"select 1 from {place} where {condition} limit 1"):
            found.append(f"{place}.{column}")
        if column == "owner_team":
            teams |= set(database.rows(f'select distinct "{column}" from {place}'))
    assert found == []
    assert len(columns) > 200
    assert ("Openville",) in teams


def test_the_server_says_no_more_to_whoever_sees_a_part(by_level, tmp_path) -> None:
    """Every list of rows, as a viewer of all, of a region, of a named team and of a team that is too small gets it."""
    published = by_level["team"]
    users = Users(tmp_path / "access" / "users.json")
    scopes = {
        "ana": EVERYTHING,
        "emil": Scope(regions=("EMEA",)),
        "tess": Scope(teams=("Openville",)),
        "small": Scope(teams=("secret East",)),
    }
    for name, scope in scopes.items():
        users.add(name, scope, None)
    tokens = {name: users.add_token(name, "tests") for name in scopes}
    deals = {}
    with serving(tmp_path, published.settings.warehouse, users, tokens) as server:
        for name in scopes:
            answered = 0
            with server.machine(name) as client:
                for path in (f"/rows/{each}.csv" for each in DRILL_DOWNS):
                    answer = client.get(path)
                    answered += answer.status_code == 200
                    # The viewer's own scope stands on every page for them.
                    said = answer.text.lower().replace("secret east", "") if name == "small" else answer.text
                    assert heard(said, published.words) == set(), (name, path)
                deals[name] = len(client.get("/rows/opportunities.csv").text.splitlines()) - 1
            assert answered > 5, f"{name} gets nothing, so nothing is shown"
    assert deals["ana"] > deals["tess"] > 0
    assert deals["emil"] > 0
    assert deals["small"] <= 0
