"""The same files give the same marts, row for row, in whatever portions and order they are delivered."""

import os
import random
import signal
import subprocess
import sys

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT
from sample import generate, next_day
from tests.whole.company import DeliveringCompany, day_of, differing, is_history, marts

SMALL = 0.02


@pytest.mark.slow
def test_what_is_added_to_a_build_gives_the_marts_of_all_files_at_once(demo, tmp_path):
    """Adding to a build gives what building anew gives, also where the past turns out to have been another."""
    company = DeliveringCompany(tmp_path / "portions", demo.extracts)
    files = company.files()
    later = [file for file in files if not is_history(file)]
    assert len(later) > 50
    company.deliver(file for file in files if is_history(file))
    company.build()
    assert company.was_built_anew()
    first = marts(company.published)
    company.deliver(later)
    rewrite_the_past(company)
    assert "Loaded      nothing" not in company.build()
    assert not company.was_built_anew()
    added_to = marts(company.published)
    assert len(differing(added_to, first)) > 10, "the later files changed nothing: nothing is shown"
    rewritten = set(differing(added_to, marts(demo.settings.published)))
    assert {"core.dim_people", "core.fct_touches", "core.fct_opportunities", "funnel.fct_stage_entries"} <= set(
        rewritten
    )
    the_platform_counts(company)
    with duckdb.connect(str(company.published), read_only=True) as connection:
        held_back = connection.execute(
            "select distinct system || '.' || object from alignment.fct_alignment_records"
            " where is_counted_by_side and reason = 'held_back_by_contract'"
        ).fetchall()
    assert {("salesforce.lead",), ("hubspot.contact",)} <= set(held_back)
    credit_is_computed_where_it_changed(company)

    # In a warehouse of its own, where nothing was landed or built before.
    at_once = DeliveringCompany(tmp_path / "at_once", company.extracts)
    at_once.deliver(at_once.files())
    at_once.build()
    assert at_once.was_built_anew()
    assert differing(added_to, marts(at_once.published)) == {}


def rewrite_the_past(company):
    """Deliver late and corrected rows, deletions and merges of what the first delivery brought."""
    mails, visits = "hubspot/email_event", "web_analytics/sessions"
    company.correct(mails, "select * replace (id || '-late' as id) from history where hash(id) % 300 = 0")
    company.correct(
        mails,
        "select * replace ((select max(contact_id) from history) as contact_id) from history where hash(id) % 400 = 0",
    )
    company.correct(visits, "select * replace (session_id || '-late' as session_id) from history limit 50")
    company.correct(
        visits,
        "select * replace (coalesce(medium, '') || 'cpc' as medium, 'Googlebot/2.1' as user_agent) from history"
        " where hash(session_id) % 200 = 0",
    )
    company.correct(
        "hubspot/contact",
        "select * replace ('true' as is_deleted, '2026-06-30 23:00:00' as property_lastmodifieddate) from history"
        " where hash(id) % 150 = 0",
    )
    company.correct(
        "hubspot/contact",
        "select * replace ((select min(property_email) from history) as property_email,"
        " '2026-06-30 23:10:00' as property_lastmodifieddate) from history where hash(id) % 150 = 1",
    )
    company.correct(
        "hubspot/contact_form_submission",
        "select * replace ((select max(contact_id) from history) as contact_id) from history"
        " where hash(conversion_id) % 60 = 0",
    )
    contacts = "select id, row_number() over (order by id) as n from 'hubspot/contact' where hash(id) % 40 = 3"
    company.correct(
        "hubspot/contact_merge_audit",
        "select one.id as canonical_vid, other.id as vid_to_merge, '2026-06-30 22:00:00' as timestamp"
        f" from ({contacts}) as one inner join ({contacts}) as other on other.n = one.n + 1 where one.n % 2 = 0",
    )
    modified = "'2026-06-30T23:20:00.000+0000' as LastModifiedDate"
    company.correct(
        "salesforce/task", f"select * replace ('true' as IsDeleted, {modified}) from history where hash(Id) % 30 = 0"
    )
    company.correct(
        "salesforce/event", f"select * replace ('true' as IsDeleted, {modified}) from history where hash(Id) % 15 = 0"
    )
    company.correct(
        "salesforce/lead",
        f"select * replace ('Qualified' as Status, 'Referral' as LeadSource, {modified}) from history"
        " where hash(Id) % 60 = 0",
    )
    # What contracts hold back is still what the teams' own systems count.
    company.correct(
        "salesforce/lead",
        f"select * replace ('Sideways' as Status, {modified}) from history where hash(Id) % 60 = 1",
    )
    company.correct(
        "hubspot/contact_property_history",
        "select * replace ('salesqualifiedlead' as value, repeat('x', 300) as source) from history"
        " where name = 'lifecyclestage' and hash(contact_id) % 30 = 0",
    )
    company.correct(
        "salesforce/opportunity",
        f"select * replace ((select max(AccountId) from history) as AccountId, {modified}) from history"
        " where hash(Id) % 25 = 0",
    )
    # The first advertising of a channel whose touches have had credit all along, in a system that nobody had.
    company.correct(
        "marketing/contacts",
        "select 'letters' as contact_id, '2026-06-01 00:00:00' as created_at from 'salesforce/user' limit 1",
    )
    company.correct(
        "marketing/ad_spend",
        "select '2026-06-01' as spend_date, 'email' as platform, 'letters' as campaign_id, 'Letters' as campaign_name,"
        " 10 as impressions, 1 as clicks, 5.0 as cost, 'USD' as currency, '2026-06-02 00:00:00' as extracted_at"
        " from 'salesforce/user' limit 1",
    )
    # A sales engagement platform, of which nobody had heard: calls just before what the CRM has, or the very same ones.
    company.correct(
        "sales_engagement/activities",
        "select 'P' || Id as activity_id, WhoId as record_id, OwnerId as owner_id,"
        " case when hash(Id) % 6 = 0 then 'salesforce' end as crm_system,"
        " case when hash(Id) % 2 = 0 then Id end as crm_activity_id, 'call' as type, 'outbound' as direction,"
        " CompletedDateTime::timestamptz - interval 5 minute as occurred_at"
        " from 'salesforce/task' where hash(Id) % 3 = 0 and CompletedDateTime is not null and WhoId is not null",
    )


def credit_is_computed_where_it_changed(company):
    """Of conversions that are as they were only the credit by removal effects; all learn which channels are paid."""
    with duckdb.connect(str(company.warehouse / "private" / "build.duckdb"), read_only=True) as build:
        computed = dict(
            build.execute(
                "select model, count(distinct conversion_id) from intermediate.int_touch_credits group by model"
            ).fetchall()
        )
        ((touched,),) = build.execute(
            "select count(distinct conversion_id) from intermediate.int_journey_touches"
        ).fetchall()
        ((kept_paid,),) = build.execute(
            """
            select count(*)
            from attribution.fct_credits
            where
                channel = 'email'
                and is_paid_channel
                and (conversion_id, model) not in (select (conversion_id, model) from intermediate.int_touch_credits)
            """
        ).fetchall()
    assert computed.pop("markov") == touched
    assert len(computed) > 5
    assert len(set(computed.values())) == 1
    assert 0 < computed["linear"] < touched
    assert kept_paid > 0, "no kept credit of the channel: nothing is shown of it"


def the_platform_counts(company):
    """Its calls are the CRM's people's and reps', stop the clock, and count once where the CRM holds them."""
    with duckdb.connect(str(company.warehouse / "private" / "build.duckdb"), read_only=True) as build:
        rows = build.execute(
            """
            select
                delivered.crm_activity_id is not null as is_in_crm,
                coalesce(tasks.is_deleted, true) as is_deleted_there,
                activities.inactivity_reason,
                activities.is_human_touch,
                activities.rep_id = 'salesforce:' || delivered.owner_id as is_of_its_rep,
                activities.person_id is not distinct from people.person_id as is_of_its_person
            from raw.sales_engagement__activities as delivered
            inner join intermediate.int_activities as activities
                on activities.activity_id = 'sales_engagement:activities:' || delivered.activity_id
            left join staging.stg_salesforce__tasks as tasks on delivered.crm_activity_id = tasks.record_id
            left join intermediate.int_people_records as people
                on people.system = 'salesforce' and delivered.record_id = people.record_id
            """
        ).fetchall()
        ((stopped,),) = build.execute(
            "select count(*) from funnel.fct_handoffs where first_touch_id like 'sales_engagement:%' and is_due"
        ).fetchall()
        ((strangers,),) = build.execute(
            """
            select count(*)
            from funnel.fct_handoffs as handoffs
            inner join intermediate.int_activities as activities on handoffs.first_touch_id = activities.activity_id
            where
                handoffs.first_touch_at <> activities.occurred_at
                or handoffs.first_touch_rep_id is distinct from activities.rep_id
            """
        ).fetchall()
    assert {(row[0] and not row[1], row[2], row[3]) for row in rows} == {
        (True, "logged_in_crm", False),
        (False, None, True),
    }
    assert all(row[4] and row[5] for row in rows)
    assert any(row[0] and row[1] for row in rows), "no copy of a deleted task: nothing is shown of it"
    assert stopped > 0
    assert strangers == 0


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A sample with one day delivered after its first data."""
    out = tmp_path_factory.mktemp("small") / "sample"
    generate(out, SMALL, 7)
    next_day(out)
    return out / "extracts"


@pytest.fixture(scope="module")
def together(sample, tmp_path_factory):
    """The marts of one run over all files."""
    company = DeliveringCompany(tmp_path_factory.mktemp("together"), sample)
    company.deliver(company.files())
    company.build()
    return marts(company.published)


@pytest.fixture(scope="module")
def begun(sample, tmp_path_factory):
    """The company after its first delivery, which every run that is killed would add to."""
    company = DeliveringCompany(tmp_path_factory.mktemp("begun"), sample)
    company.deliver(file for file in company.files() if is_history(file))
    company.build()
    return company


@pytest.mark.slow
@pytest.mark.matrix
def test_day_by_day(sample, together, tmp_path):
    company = DeliveringCompany(tmp_path, sample)
    days = sorted({day_of(file) for file in company.files()})
    assert len(days) == 8, "the first delivery, six days and the next one"
    # Each run adds to what runs before it have added to; a few single days show that, and the others come at once.
    for portion in [[day] for day in days[:4]] + [days[4:]]:
        company.deliver(file for file in company.files() if day_of(file) in portion)
        company.build()
        assert company.was_built_anew() == (portion == days[:1])
    assert differing(marts(company.published), together) == {}


@pytest.mark.slow
@pytest.mark.matrix
def test_shuffled(sample, together, tmp_path):
    """Days may come before the history that they change; each portion has some files of every kind.

    Many orders are tried on landing alone, where they are cheap (tests/landing/test_order.py).
    """
    company = DeliveringCompany(tmp_path, sample)
    files = company.files()
    random.Random(1).shuffle(files)
    for portion in range(3):
        company.deliver(files[portion::3])
        # Half of the required extracts may be lacking at first: then nothing is published, which is right.
        process = company.run()
        assert process.returncode == 0 or "required" in process.stdout, process.stdout
    assert process.returncode == 0, process.stdout
    assert differing(marts(company.published), together) == {}


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize(
    ("moment", "kill"),
    [
        ("new file", os.killpg),
        ("Building the models: ", os.killpg),
        # dbt is not killed with it: it has to end by itself, or it would hold the build file.
        pytest.param("Building the models: ", os.kill, id="Building the models, without its dbt"),
        ("Auditing the new warehouse", os.killpg),
    ],
)
def test_a_run_killed_in_the_middle_changes_nothing_and_the_next_one_makes_up_for_it(
    begun, together, tmp_path, moment, kill
):
    company = begun.copied_to(tmp_path)
    before = company.published.readlink(), company.published.read_bytes()
    company.deliver(company.files())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CONCORD_", "DBT_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "orchestration", "run"],
        cwd=PROJECT_ROOT,
        env={**environment, "CONCORD_EXTRACTS": company.extracts, "CONCORD_WAREHOUSE": company.warehouse},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stdout:
            if moment in line:
                kill(process.pid, signal.SIGKILL)
                break
        else:
            pytest.fail(f"the run ended without ever saying {moment!r}")
    assert process.returncode == -signal.SIGKILL
    assert (company.published.readlink(), company.published.read_bytes()) == before
    company.build()
    assert differing(marts(company.published), together) == {}
