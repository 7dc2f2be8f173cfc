"""The rows behind the figures: named queries over the published file, the only ones that the server runs.

A query is an entry of `DRILL_DOWNS`. To add one, name the table, its key, the columns with their kinds and the columns
that answer to the viewers' scopes:

    DrillDown(
        "handoffs",
        "Hand-offs",
        "funnel.fct_handoffs as data",
        key="handoff_id",
        order="-mql_at",
        columns="handoff_id, mql_at moment, grade, fate, reason, region",
        scopes=("region",),
    )

Every column that is shown can be filtered; columns under `also` can be filtered and are shown only in exports. Where a
figure of the metrics is the number of its rows, or the sum of a column, an entry of `FIGURES` says which: `figure_link`
makes the address of a figure's rows, and a test compares each figure with its rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

KINDS = ("text", "whole", "number", "money", "share", "date", "moment", "flag")


@dataclass(frozen=True)
class Column:
    """A column of a row query.

    Attributes:
        name: its name in links, exports and the published table.
        kind: one of `KINDS`; decides how a filter's value is read and how a cell is written.
        sql: what it is in the query's source.
        is_shown: whether the page shows it; exports hold all columns.
    """

    name: str
    kind: str
    sql: str
    is_shown: bool = True

    @property
    def label(self) -> str:
        """The heading for people."""
        words = self.name.removeprefix("is_").removesuffix("_at").replace("_", " ")
        words = re.sub(r"\b(mql|sal|sql|sqo|crm|id)\b", lambda found: found.group().upper(), words)
        return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class DrillDown:
    """A named query of rows.

    Attributes:
        drill_down_id: its name in links, `/rows/<drill_down_id>`.
        title: what the rows are, for people.
        source: what stands after `from`; the main table is called `data`.
        key: a column that is unique and never null: the last tie-break of every order.
        order: the column by which rows are sorted unless asked otherwise; a leading minus turns it round.
        columns: `name kind, …`; a column without a kind is text.
        also: further columns, for filters and exports.
        sql: what a column is, where it is not the column of that name in `data`.
        scopes: the dimensions of `access_scopes` that the rows have, each as the column of its name: region, and the
            team of the owner. A viewer who is limited by a dimension that is not named here is refused.
        totals: columns whose sum is shown above the rows.
        stocks: columns that stand once for each `date`: their sum is shown where one such date was asked for.
        totals_of_one: columns of which one value must have been asked for before sums mean anything; `a|b`: of either.
        record: the columns that identify the record in its system (system, object, record id), for links into it.
        date: the date by which figures of the rows are counted unless they say otherwise; `period` filters by it.
        note: a sentence that belongs beside the rows.
    """

    drill_down_id: str
    title: str
    source: str
    key: str
    order: str
    columns: str
    also: str = ""
    sql: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    totals: tuple[str, ...] = ()
    stocks: tuple[str, ...] = ()
    totals_of_one: tuple[str, ...] = ()
    record: tuple[str, str, str] | None = ("system", "object", "record_id")
    date: str = ""
    note: str = ""

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The shown columns, then the others."""
        return tuple(
            Column(name, kind, self.sql.get(name, f'data."{name}"'), is_shown)
            for text, is_shown in ((self.columns, True), (self.also, False))
            for name, kind in _named(text)
        )

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.all_columns if column.name == name), None)

    @property
    def tables(self) -> tuple[str, ...]:
        """The published tables that it reads, `schema.table`."""
        return tuple(dict.fromkeys(re.findall(r"\b([a-z]+\.[a-z_]+) as \w+", self.source)))

    @property
    def record_columns(self) -> tuple[Column, ...]:
        """The columns that identify the record in its system; none where the query does not have them all."""
        columns = [self.column(name) for name in self.record or ()]
        return tuple(column for column in columns if column) if all(columns) else ()


def _named(text: str) -> Iterable[tuple[str, str]]:
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, kind = part.partition(" ")
        if (kind or "text") not in KINDS:
            raise ValueError(f"column {name}: unknown kind {kind!r}; known are {', '.join(KINDS)}")
        yield name, kind or "text"


# Cells of these columns open the rows of what they name.
OPENS = {
    "opportunity_id": "opportunities",
    "account_id": "accounts",
    "person_id": "people",
    "lead_cycle_id": "lead_cycles",
}

_ACCOUNT_OF = " left join core.dim_accounts as accounts on {}.account_id = accounts.account_id"
_ACCOUNT = _ACCOUNT_OF.format("data")
_OPPORTUNITY = (
    " left join core.fct_opportunities as opportunities on data.opportunity_id = opportunities.opportunity_id"
)
# What the record of a team's figure is about, and the reason as the page writes it.
_ALIGNED = " left join core.dim_people as people on data.person_id = people.person_id" + _OPPORTUNITY + _ACCOUNT
_ALIGNED_SQL = {
    "account_name": "accounts.account_name",
    "opportunity_name": "opportunities.opportunity_name",
    "region": "coalesce(opportunities.region, people.region, accounts.region)",
    "reason": "replace(data.reason, '_', ' ')",
}
_CAMPAIGN = " left join core.dim_campaigns as campaigns on data.campaign_id = campaigns.campaign_id"
# An opportunity has the motion of the cycle that it belongs to.
_MOTION = (
    " left join (select cycles.opportunity_id, min(cycles.motion) as motion from funnel.fct_lead_cycles as cycles"
    " where cycles.opportunity_id is not null group by cycles.opportunity_id) as motions"
    " on data.opportunity_id = motions.opportunity_id"
)
_REP_TEAM = " left join core.dim_reps as reps on {}.rep_id = reps.rep_id"

DRILL_DOWNS: Mapping[str, DrillDown] = {
    drill_down.drill_down_id: drill_down
    for drill_down in (
        DrillDown(
            "stage_entries",
            "Stage entries",
            "funnel.fct_stage_entries as data"
            " left join funnel.fct_lead_cycles as cycles on data.lead_cycle_id = cycles.lead_cycle_id"
            + _REP_TEAM.format("cycles")
            + _ACCOUNT,
            date="entered_date",
            key="entry_id",
            order="-entered_at",
            columns="entered_at moment, stage, account_name, motion, channel, persona, segment, region, grade,"
            " temperature, is_inferred flag, is_converted_in_window flag, is_mature flag, opportunity_id, person_id,"
            " lead_cycle_id",
            also="entry_id, account_id, campaign_id, fit_grade, definition_version, evidence_kind, evidence_id, system,"
            " cycle_number whole, entered_date date, next_entered_at moment, left_at moment, team",
            sql={"account_name": "accounts.account_name", "team": "reps.team"},
            scopes=("region", "team"),
            note="An inferred entry was only seen by evidence of a later stage; no count of a stage includes it.",
        ),
        DrillDown(
            "lead_cycles",
            "Lead cycles",
            "funnel.fct_lead_cycles as data" + _REP_TEAM.format("data") + _ACCOUNT,
            date="opened_date",
            key="lead_cycle_id",
            order="-opened_at",
            columns="opened_at moment, account_name, motion, channel, persona, segment, region, grade, temperature,"
            " inquiry_at moment, lead_at moment, mql_at moment, sal_at moment, sql_at moment, sqo_at moment,"
            " won_at moment, exit_type, exit_reason, exited_at moment, amount money, opportunity_id, person_id",
            also="lead_cycle_id, account_id, campaign_id, cycle_number whole, fit_grade, definition_version, exit_side,"
            " opportunity_type, opened_date date, is_open flag, is_won flag, is_inquiry_inferred flag,"
            " is_lead_inferred flag, is_mql_inferred flag, is_sal_inferred flag, is_sql_inferred flag,"
            " is_sqo_inferred flag, is_won_inferred flag, ended_at moment, rep_id, team",
            sql={"account_name": "accounts.account_name", "team": "reps.team"},
            scopes=("region", "team"),
        ),
        DrillDown(
            "handoffs",
            "Hand-offs",
            "funnel.fct_handoffs as data" + _REP_TEAM.format("data") + _ACCOUNT,
            date="mql_date",
            key="lead_cycle_id",
            order="-mql_at",
            columns="mql_at moment, account_name, fate, reason, charged_to, motion, channel, persona, segment, region,"
            " grade, temperature, handed_over_at moment, assigned_at moment, due_at moment, first_response_at moment,"
            " rep_hours number, target_hours number, is_due flag, is_met flag, is_disposed flag, person_id",
            also="lead_cycle_id, entry_id, account_id, campaign_id, fit_grade, definition_version, missing_fields,"
            " last_place, owners whole, routing_hours number, is_hand_raise flag, is_handed_over flag,"
            " is_accepted flag, is_routed_in_time flag, mql_date date, crm_arrived_at moment, first_touch_at moment,"
            " disposed_at moment, exited_at moment, ended_at moment, data_cut_at moment, rep_id, team",
            sql={
                "account_name": "accounts.account_name",
                "team": "reps.team",
                # As the page writes it.
                "fate": "replace(data.fate, '_', ' ')",
            },
            scopes=("region", "team"),
            note="No logged touch is not the same as no touch: what nobody writes down is not seen.",
        ),
        DrillDown(
            "handoff_owners",
            "Owners of hand-offs",
            "funnel.fct_handoff_owners as data"
            " left join funnel.fct_handoffs as handoffs on data.lead_cycle_id = handoffs.lead_cycle_id"
            + _REP_TEAM.format("data")
            + _ACCOUNT_OF.format("handoffs"),
            date="owned_from",
            key="handoff_owner",
            order="-owned_from",
            columns="owned_from moment, owned_until moment, owner_number whole, account_name, fate, held_hours number,"
            " target_hours number, is_first_owner flag, is_answered flag, is_over_target flag, grade, region, team,"
            " lead_cycle_id",
            also="handoff_owner, record_key, rep_id, charged_until moment, mql_date date",
            sql={
                "handoff_owner": "data.lead_cycle_id || ':' || data.owner_number",
                "account_name": "accounts.account_name",
                "fate": "replace(handoffs.fate, '_', ' ')",
                "grade": "handoffs.grade",
                "region": "handoffs.region",
                "mql_date": "handoffs.mql_date",
                "team": "reps.team",
            },
            scopes=("region", "team"),
            record=None,
            note="Each owner is charged only for the working hours in which the hand-off was theirs and unanswered.",
        ),
        DrillDown(
            "opportunities",
            "Opportunities",
            "core.fct_opportunities as data" + _ACCOUNT + _MOTION,
            date="closed_date",
            key="opportunity_id",
            order="-amount",
            columns="opportunity_name, account_name, opportunity_type, stage, amount money, close_date date,"
            " created_date date, closed_date date, is_closed flag, is_won flag, is_stale flag, forecast_category,"
            " region, segment, team, lead_source, loss_reason, competitor, link_evidence, person_id",
            also="opportunity_id, account_id, campaign_id, system, object, record_id, rep_id, last_open_amount money,"
            " original_amount number, original_currency, created_at moment, closed_at moment, won_at moment,"
            " lost_at moment, last_changed_at moment, contract_start_date date, contract_months whole, motion",
            sql={"account_name": "accounts.account_name", "team": "data.owner_team", "motion": "motions.motion"},
            scopes=("region", "team"),
            totals=("amount", "last_open_amount"),
            note="The amount of a lost opportunity counts as its last open amount in win rates by value.",
        ),
        DrillDown(
            "touches",
            "Touches",
            "core.fct_touches as data"
            " left join core.dim_people as people on data.person_id = people.person_id"
            + _CAMPAIGN
            + " left join core.dim_content as content on data.content_id = content.content_id"
            + _ACCOUNT,
            date="touched_at",
            key="touch_id",
            order="-touched_at",
            columns="touched_at moment, touch_type, channel, touch_team, account_name, campaign_name, content_title,"
            " region, direction, is_response flag, is_hand_raise flag, is_human_touch flag, opportunity_id, person_id",
            also="touch_id, account_id, campaign_id, content_id, rep_id, system, object, record_id",
            sql={
                # `team` is what viewers are limited by, the owner's team; here it is marketing or sales.
                "touch_team": "data.team",
                "account_name": "accounts.account_name",
                "campaign_name": "campaigns.campaign_name",
                "content_title": "content.title",
                "region": "people.region",
            },
            scopes=("region",),
        ),
        DrillDown(
            "ad_spend",
            "Advertising spend",
            "core.fct_ad_spend as data",
            date="spend_date",
            key="ad_spend_id",
            order="-spend_date",
            columns="spend_date date, platform, campaign_name, channel, cost money, impressions whole, clicks whole,"
            " original_cost number, original_currency",
            also="ad_spend_id, campaign_id, system",
            totals=("cost", "clicks", "impressions"),
            record=None,
        ),
        DrillDown(
            "conversions",
            "Conversions",
            "attribution.fct_conversions as data" + _OPPORTUNITY + _ACCOUNT,
            date="converted_date",
            key="conversion_id",
            order="-converted_at",
            columns="converted_at moment, conversion_type, opportunity_name, account_name, value money, teams_involved,"
            " first_team, touches whole, marketing_touches whole, sales_touches whole, motion, self_reported_channel,"
            " is_new_customer flag, segment, region, team, opportunity_id, person_id",
            also="conversion_id, account_id, opportunity_type, original_value number, original_currency,"
            " converted_date date, lead_at moment, first_touched_at moment",
            sql={
                "opportunity_name": "opportunities.opportunity_name",
                "account_name": "accounts.account_name",
                "team": "opportunities.owner_team",
            },
            scopes=("region", "team"),
            totals=("value",),
            totals_of_one=("conversion_type|is_new_customer",),
            record=None,
            note="A deal that was accepted and won is two conversions: filter one type before adding up.",
        ),
        DrillDown(
            "credits",
            "Credit",
            "attribution.fct_credits as data" + _OPPORTUNITY + _CAMPAIGN + _ACCOUNT,
            date="converted_date",
            key="credit_id",
            order="-credit_amount",
            columns="converted_at moment, opportunity_name, account_name, model, channel, campaign_name, touch_type,"
            " touch_team, touched_at moment, credit_share share, credit_amount money, segment, region, team,"
            " opportunity_id, person_id",
            also="credit_id, conversion_id, touch_id, account_id, campaign_id, content_id, conversion_type,"
            " opportunity_type, is_headline flag, is_in_range flag, is_paid_channel flag, is_new_customer flag,"
            " converted_date date, touched_date date",
            sql={
                "opportunity_name": "opportunities.opportunity_name",
                "account_name": "accounts.account_name",
                "campaign_name": "campaigns.campaign_name",
                # `team` is what viewers are limited by, the owner's team; here it is marketing or sales.
                "touch_team": "data.team",
                "team": "opportunities.owner_team",
            },
            scopes=("region", "team"),
            totals=("credit_amount",),
            totals_of_one=("model|is_headline", "conversion_type"),
            record=None,
            note="Each model credits every conversion in full: filter one model before adding up.",
        ),
        DrillDown(
            "acquisition_costs",
            "Cost of acquisition",
            "attribution.fct_acquisition_costs as data",
            date="cost_date",
            key="cost_id",
            order="-cost_date",
            columns="cost_date date, cost_team, kind, channel, amount money, is_advertising flag, is_counted flag,"
            " not_counted_reason, original_amount number, original_currency",
            also="cost_id, system",
            sql={"cost_team": "data.team"},
            totals=("amount",),
            record=None,
        ),
        DrillDown(
            "pipeline",
            "Open pipeline by day",
            "core.fct_pipeline_days as data",
            date="snapshot_date",
            key="pipeline_day_id",
            order="-snapshot_date",
            columns="snapshot_date date, opportunity_type, segment, region, team, open_amount money,"
            " open_opportunities whole",
            also="pipeline_day_id",
            scopes=("region", "team"),
            totals=("open_amount", "open_opportunities"),
            totals_of_one=("snapshot_date",),
            record=None,
            note="A stock at the end of each day: the days of a period are never added up; filter for one day.",
        ),
        DrillDown(
            "pipeline_changes",
            "Movements of the pipeline",
            "revenue.fct_pipeline_changes as data" + _OPPORTUNITY + _ACCOUNT,
            date="changed_date",
            key="pipeline_change_id",
            order="-changed_at",
            columns="changed_at moment, step, opportunity_name, account_name, amount money, opportunity_count whole,"
            " close_quarter_start_date date, other_quarter_start_date date, opportunity_type, motion, region, segment,"
            " team, opportunity_id",
            also="pipeline_change_id, account_id, rep_id, owner_region, original_currency, step_order whole,"
            " changed_date date, changed_month date",
            sql={
                "account_name": "accounts.account_name",
                "opportunity_name": "opportunities.opportunity_name",
                "team": "data.owner_team",
            },
            scopes=("region", "team"),
            totals=("amount", "opportunity_count"),
            record=None,
            note="A deal that changes its quarter or its owner leaves one place and comes into another: two rows.",
        ),
        DrillDown(
            "contracts",
            "Contracts",
            "revenue.fct_contracts as data" + _ACCOUNT,
            date="start_date",
            key="opportunity_id",
            order="-start_date",
            columns="account_name, opportunity_type, monthly_amount money, start_date date, end_date date, end_reason,"
            " is_renewable flag, segment, region, opportunity_id",
            also="customer_id, account_id, renews_opportunity_id, renewed_by_opportunity_id, original_currency,"
            " recurring_period, original_recurring_amount number, original_monthly_amount number,"
            " contract_months whole, signed_date date, term_end_date date, cancelled_date date",
            sql={"account_name": "accounts.account_name"},
            scopes=("region",),
            record=None,
            note="A contract counts in a month if it started on or before the last day and runs beyond it.",
        ),
        DrillDown(
            "contract_months",
            "Contracts by month",
            "revenue.fct_contract_months as data" + _OPPORTUNITY + _ACCOUNT,
            date="period_month",
            key="contract_month_id",
            order="-period_month",
            columns="period_month date, account_name, opportunity_name, opportunity_type, mrr money, segment, region,"
            " opportunity_id",
            also="contract_month_id, customer_id, account_id, original_currency, original_monthly_amount number",
            sql={"account_name": "accounts.account_name", "opportunity_name": "opportunities.opportunity_name"},
            scopes=("region",),
            stocks=("mrr",),
            record=None,
            note="What recurs in a month; the months of a contract are never added up: ask for one month.",
        ),
        DrillDown(
            "mrr_months",
            "Recurring revenue by customer and month",
            "revenue.fct_mrr_months as data" + _ACCOUNT,
            date="period_month",
            key="mrr_month_id",
            order="-period_month",
            columns="period_month date, account_name, movement, starting_mrr money, new_mrr money,"
            " reactivated_mrr money, expansion_mrr money, contraction_mrr money, churned_mrr money, ending_mrr money,"
            " segment, region, account_id",
            also="mrr_month_id, customer_id, gross_retained_mrr money, net_retained_mrr money,"
            " starting_mrr_12_months money, gross_retained_mrr_12_months money, net_retained_mrr_12_months money,"
            " renewable_mrr money, is_complete flag",
            sql={"account_name": "accounts.account_name"},
            scopes=("region",),
            totals=("new_mrr", "reactivated_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr"),
            stocks=(
                *("starting_mrr", "ending_mrr", "gross_retained_mrr", "net_retained_mrr", "starting_mrr_12_months"),
                *("gross_retained_mrr_12_months", "net_retained_mrr_12_months"),
            ),
            record=None,
            note="What stands at the start or the end of a month is added up over customers, never over months.",
        ),
        DrillDown(
            "people",
            "People",
            "core.dim_people as data" + _ACCOUNT,
            key="person_id",
            order="-first_seen_at",
            columns="person_id, account_name, persona, department, seniority, segment, region, country, industry,"
            " fit_grade, fit_score number, is_excluded flag, exclusion_reason, records whole, first_seen_at moment",
            also="account_id, account_evidence, employees whole, is_deleted flag",
            sql={"account_name": "accounts.account_name"},
            scopes=("region",),
            note="Names and addresses of people stay in the private build; a record opens in its own system.",
        ),
        DrillDown(
            "person_records",
            "Records of people",
            "core.bridge_person_records as data"
            " left join core.dim_people as people on data.person_id = people.person_id",
            key="record_key",
            order="record_key",
            columns="system, object, record_id, evidence, is_deleted flag, is_merged_away flag, person_id",
            also="record_key, region",
            sql={"region": "people.region"},
            scopes=("region",),
        ),
        DrillDown(
            "accounts",
            "Accounts",
            "core.dim_accounts as data",
            key="account_id",
            order="account_name",
            columns="account_name, website_domain, industry, country, region, segment, employees whole, account_source,"
            " created_at moment, account_id",
            also="parent_account_id, system, record_id, is_deleted flag",
            scopes=("region",),
            # The published table has no object: an account is one, by its grain.
            record=None,
        ),
        DrillDown(
            "claims",
            "Claims of the teams",
            "attribution.fct_claims as data" + _OPPORTUNITY + _ACCOUNT_OF.format("opportunities"),
            date="converted_date",
            key="claim_id",
            order="-converted_date",
            columns="converted_date date, conversion_type, claim, claiming_team, opportunity_name, account_name,"
            " value money, is_claim_hunting flag, hunting_touches whole, self_reported_channel, region, team,"
            " opportunity_id",
            also="claim_id, conversion_id, touch_id, rule_id",
            sql={
                "opportunity_name": "opportunities.opportunity_name",
                "account_name": "accounts.account_name",
                "claiming_team": "data.team",
                "region": "opportunities.region",
                "team": "opportunities.owner_team",
            },
            scopes=("region", "team"),
            totals=("value",),
            totals_of_one=("conversion_type", "claim"),
            record=None,
            note="Both teams may claim one opportunity: values of several claims overlap.",
        ),
        DrillDown(
            "alignment_steps",
            "Where the teams' figures differ",
            "alignment.fct_alignment_steps as data" + _ALIGNED,
            date="period_month",
            key="step_id",
            order="-money",
            columns="period_month date, kpi, side, reason, owner, account_name, opportunity_name, value number,"
            " money money, since moment, grade, region, opportunity_id, person_id",
            also="step_id, entity, entry_id, account_id, system, object, record_id, reason_order whole,"
            " side_value number, shared_value number, is_counted_by_side flag, is_counted_by_shared flag",
            sql=_ALIGNED_SQL,
            scopes=("region",),
            totals=("value", "money"),
            totals_of_one=("kpi", "side"),
            note="A side's figure less the values of its steps is the shared figure. A record that the two count in"
            " different months has a step in each.",
        ),
        DrillDown(
            "alignment_records",
            "Records of the teams' figures",
            "alignment.fct_alignment_records as data" + _ALIGNED,
            date="side_month",
            key="alignment_record_id",
            order="-side_counted_at",
            columns="kpi, side, is_agreed flag, reason, is_counted_by_side flag, is_counted_by_shared flag,"
            " account_name, opportunity_name, side_value number, shared_value number, side_month date,"
            " shared_month date, side_counted_at moment, shared_counted_at moment, grade, region, opportunity_id,"
            " person_id",
            also="alignment_record_id, rule_id, record_key, entry_id, account_id, system, object, record_id,"
            " held_back_by",
            sql=_ALIGNED_SQL,
            scopes=("region",),
            note="What the side and the shared figure count as one record is one row, whether they agree on it or not.",
        ),
        DrillDown(
            "alignment_bridge",
            "The teams' figures beside the shared ones",
            "alignment.rpt_alignment_bridge as data",
            date="period_month",
            key="bridge_id",
            order="-period_month",
            columns="period_month date, kpi, side, owner, side_value number, steps_value number, shared_value number,"
            " agreeing_records whole, records whole, money money",
            also="bridge_id, system, link, own_value number, residual number, not_reproducible_value number,"
            " is_reported flag, has_records flag",
            totals=("agreeing_records", "records", "money"),
            record=None,
            note="The records that agree are among those of the teams' figures; those that do not, with why, where the"
            " teams' figures differ. One that the two count in different months is compared in both.",
        ),
        DrillDown(
            "funnel_conversion",
            "Funnel by month",
            "funnel.rpt_funnel_conversion as data",
            date="period_month",
            key="funnel_conversion_id",
            order="-period_month",
            columns="period_month date, motion, stage, entrants whole, people whole, converted_in_window whole,"
            " cohort_rate share, is_mature flag, period_entries whole, period_rate share, median_days number,"
            " p90_days number, window_days whole",
            also="funnel_conversion_id, stage_order whole",
            record=None,
        ),
        DrillDown(
            "loads",
            "Delivered files",
            "audit.loads as data",
            date="loaded_at",
            key="load_id",
            order="-loaded_at",
            columns="loaded_at moment, system, object, file_name, status, rows_delivered whole, rows_accepted whole,"
            " rows_quarantined whole, rows_unparseable whole, rows_superseded whole, contract_version",
            also="load_id, load_number whole, file_sha256, file_bytes whole",
            totals=("rows_delivered", "rows_accepted", "rows_quarantined", "rows_unparseable", "rows_superseded"),
            record=None,
        ),
        DrillDown(
            "restatements",
            "Restated figures",
            "audit.restatements as data",
            date="period_month",
            key="restatement",
            order="-period_month",
            columns="metric, period_month date, reported_value number, previous_value number, current_value number,"
            " difference number, causes, restated_at moment",
            also="restatement, cause, evidence, reported_build_id, previous_build_id, build_id",
            sql={
                "restatement": "data.metric || ' ' || data.period_month::varchar || ' ' || data.build_id || ' '"
                " || data.cause"
            },
            record=None,
        ),
    )
}


@dataclass(frozen=True)
class FigureRows:
    """Where the rows of a metric are.

    Attributes:
        drill_down_id: the query that holds them.
        filters: what makes the metric out of the query, `(parameter, value)`.
        date: the date column by which the metric is counted.
        measure: the column whose sum is the metric; None where it is the number of rows.
        is_stock: whether only the last day of a period counts.
        month: of rows that stand once a month, by its first day: which month of a period counts, first or last.
        is_exact: whether measure over the rows is the metric; a ratio's rows are those of its denominator.
    """

    drill_down_id: str
    filters: tuple[tuple[str, str], ...]
    date: str
    measure: str | None = None
    is_stock: bool = False
    month: str = ""
    is_exact: bool = True


def _entries(stage: str, *more: tuple[str, str], is_exact: bool = True) -> FigureRows:
    filters = (("stage", stage), ("is_inferred", "false"), *more)
    return FigureRows("stage_entries", filters, "entered_date", is_exact=is_exact)


def _deals(
    *filters: tuple[str, str], date: str = "closed_date", measure: str | None = None, is_exact: bool = True
) -> FigureRows:
    return FigureRows("opportunities", filters, date, measure, is_exact=is_exact)


def _handoffs(*filters: tuple[str, str], is_exact: bool = True) -> FigureRows:
    return FigureRows("handoffs", filters, "mql_date", is_exact=is_exact)


def _recurring(measure: str, month: str = "") -> FigureRows:
    return FigureRows("mrr_months", (), "period_month", measure, month=month)


_DUE, _PASSED = ("is_due", "true"), ("is_handed_over", "true")
_WON, _CLOSED, _NEW = ("is_won", "true"), ("is_closed", "true"), ("opportunity_type", "new")
_MATURE, _CONVERTED = ("is_mature", "true"), ("is_converted_in_window", "true")
_CREDITED = (("is_headline", "true"), ("conversion_type", "won"))
_FIRST_WINS = (("is_new_customer", "true"),)
_MRR_CHANGES = ("new", "reactivated", "expansion", "contraction", "churned")
_STEPS = {"mql": "sal", "sal": "sql", "sql": "sqo", "sqo": "won"}

FIGURES: Mapping[str, FigureRows] = {
    "leads": _entries("lead"),
    "mqls": _entries("mql"),
    "sals": _entries("sal"),
    "sqls": _entries("sql"),
    "sqos": _entries("sqo"),
    "won_entries": _entries("won"),
    **{f"mature_{stage}_entrants": _entries(stage, _MATURE) for stage in _STEPS},
    **{f"{stage}_to_{after}_conversions": _entries(stage, _MATURE, _CONVERTED) for stage, after in _STEPS.items()},
    **{f"{stage}_to_{after}_rate": _entries(stage, _MATURE, is_exact=False) for stage, after in _STEPS.items()},
    **{f"{stage}_to_{after}_period_rate": _entries(stage, is_exact=False) for stage, after in _STEPS.items()},
    "won_deals": _deals(_WON),
    "bookings": _deals(_WON, measure="amount"),
    "average_deal_size": _deals(_WON, is_exact=False),
    "new_business_won_deals": _deals(_WON, _NEW),
    "new_business_closed_deals": _deals(_CLOSED, _NEW),
    "new_business_bookings": _deals(_WON, _NEW, measure="amount"),
    "win_rate": _deals(_CLOSED, _NEW, is_exact=False),
    "win_rate_by_value": _deals(_CLOSED, _NEW, is_exact=False),
    "pipeline_created": _deals(date="created_date", measure="amount"),
    "open_pipeline": FigureRows("pipeline", (), "snapshot_date", "open_amount", is_stock=True),
    "open_deals": FigureRows("pipeline", (), "snapshot_date", "open_opportunities", is_stock=True),
    "ad_spend": FigureRows("ad_spend", (), "spend_date", "cost"),
    "ad_clicks": FigureRows("ad_spend", (), "spend_date", "clicks"),
    "ad_impressions": FigureRows("ad_spend", (), "spend_date", "impressions"),
    "attributed_revenue": FigureRows("credits", _CREDITED, "converted_date", "credit_amount"),
    "revenue_of_paid_channels": FigureRows(
        "credits", (*_CREDITED, ("is_paid_channel", "true")), "touched_date", "credit_amount"
    ),
    "roas": FigureRows("ad_spend", (), "spend_date", is_exact=False),
    "acquisition_cost": FigureRows("acquisition_costs", (("is_counted", "true"),), "cost_date", "amount"),
    "new_customers": FigureRows("conversions", _FIRST_WINS, "converted_date"),
    "cac": FigureRows("conversions", _FIRST_WINS, "converted_date", is_exact=False),
    "handoffs": _handoffs(),
    "handoffs_passed": _handoffs(_PASSED),
    "handoffs_due": _handoffs(_DUE),
    "handoffs_met": _handoffs(("is_met", "true")),
    "handoffs_ignored": _handoffs(_DUE, ("fate", "untouched overdue")),
    "handoffs_disposed": _handoffs(("is_disposed", "true")),
    "sla_compliance_rate": _handoffs(_DUE, is_exact=False),
    "ignored_rate": _handoffs(_DUE, is_exact=False),
    "feedback_rate": _handoffs(_PASSED, is_exact=False),
    "agreeing_records": FigureRows("alignment_records", (("is_agreed", "true"),), "side_month"),
    "compared_records": FigureRows("alignment_bridge", (), "period_month", "records"),
    "alignment_index": FigureRows("alignment_bridge", (), "period_month", is_exact=False),
    **{f"{change}_mrr": _recurring(f"{change}_mrr") for change in _MRR_CHANGES},
    "starting_mrr": _recurring("starting_mrr", "first"),
    "ending_mrr": _recurring("ending_mrr", "last"),
    "opening_cohort_mrr": _recurring("starting_mrr", "last"),
    "opening_cohort_mrr_12_months": _recurring("starting_mrr_12_months", "last"),
    **{
        f"{kind}_retained_mrr{span}": _recurring(f"{kind}_retained_mrr{span}", "last")
        for kind in ("gross", "net")
        for span in ("", "_12_months")
    },
    **{
        rate: FigureRows("mrr_months", (), "period_month", month="last", is_exact=False)
        for rate in ("grr", "nrr", "grr_12_months", "nrr_12_months")
    },
}


def rows_link(drill_down_id: str, filters: Mapping[str, Any] | Sequence[tuple[str, Any]] = ()) -> str:
    """The address of rows, `/rows/<drill_down_id>?<filter>=<value>…`.

    Args:
        drill_down_id: an entry of `DRILL_DOWNS`.
        filters: parameters as the server reads them; a None means rows without a value.

    Raises:
        KeyError: no such entry, or it has no such column.
    """
    drill_down = DRILL_DOWNS[drill_down_id]
    pairs = list(filters.items() if isinstance(filters, Mapping) else filters)
    for name, _ in pairs:
        if drill_down.column(name.partition(".")[0]) is None:
            raise KeyError(f"{drill_down_id} has no column {name}")
    query = urlencode([(name, _written(value)) for name, value in pairs])
    return f"/rows/{drill_down_id}" + (f"?{query}" if query else "")


def figure_link(
    metric: str, *, since: date | None = None, before: date | None = None, dimensions: Mapping[str, Any] | None = None
) -> str | None:
    """The address of the rows behind a figure of the metrics, or None where the published file does not hold them.

    Args:
        metric: the metric's name.
        since: first day of the figure's period.
        before: the day after its last; for a stock no later than the day after the data's end.
        dimensions: the figure's dimensions by column name, such as `{"region": "EMEA"}`.
    """
    figure = FIGURES.get(metric)
    if figure is None:
        return None
    period: list[tuple[str, Any]] = []
    last = before - timedelta(days=1) if before is not None else None
    if figure.month and (chosen := since if figure.month == "first" else last) is not None:
        period = [(figure.date, chosen.replace(day=1))]
    elif figure.is_stock and before is not None:
        period = [(figure.date, last)]
    else:
        period += [(f"{figure.date}.from", since)] if since is not None else []
        period += [(f"{figure.date}.before", before)] if before is not None else []
    return rows_link(figure.drill_down_id, [*figure.filters, *period, *(dimensions or {}).items()])


NO_VALUE = "(none)"


def _written(value: Any) -> str:
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)
