"""Every agreed extract has a contract that two teams can read, and templates leave each company its own words."""

from __future__ import annotations

import re

import pytest

from expectations.contract import Contract, read_contracts

AGREED = {
    "salesforce": "user account account_history contact contact_history lead lead_history opportunity "
    "opportunity_history opportunity_contact_role opportunity_line_item product campaign campaign_member task event",
    "hubspot": "contact contact_property_history contact_merge_audit company form contact_form_submission "
    "email_campaign email_event engagement engagement_call engagement_meeting engagement_email engagement_note "
    "engagement_task engagement_contact engagement_deal owner deal deal_contact deal_pipeline_stage "
    "deal_property_history merged_deal",
    "google_ads": "account campaign campaign_stats",
    "linkedin_ads": "account campaign ad_analytics_by_campaign",
    "meta_ads": "account campaign ad_set ad basic_ad",
    "web_analytics": "sessions identifications",
    "crm": "users accounts account_history people people_history opportunities opportunity_history "
    "opportunity_people products opportunity_lines activities campaigns campaign_members",
    "sales_engagement": "activities",
    "marketing": "contacts contact_history activities identifications deals ad_spend content",
    "finance": "fx_rates cost_items targets invoiced",
    "reported": "figures",
}
TEMPLATE_COLUMNS = {
    "crm.users": "user_id name role team region time_zone is_active",
    "crm.accounts": "account_id account_name website industry employees country owner_id parent_account_id created_at",
    "crm.account_history": "record_id field old_value new_value changed_at",
    "crm.people_history": "record_id field old_value new_value changed_at",
    "crm.people": "record_id record_type email phone first_name last_name title company account_id owner_id "
    "lead_source status status_reason rating created_at converted_at converted_record_id converted_opportunity_id",
    "crm.opportunities": "opportunity_id account_id primary_record_id name type stage amount currency created_at "
    "close_date is_closed is_won lead_source forecast_category loss_reason competitor owner_id campaign_id "
    "contract_start_date contract_months recurring_amount recurring_period cancelled_at renews_opportunity_id",
    "crm.opportunity_history": "opportunity_id stage amount currency close_date owner_id changed_at",
    "crm.opportunity_people": "opportunity_id record_id role is_primary",
    "crm.products": "product_id name family list_price currency",
    "crm.opportunity_lines": "line_id opportunity_id product_id quantity unit_price discount",
    "crm.activities": "activity_id record_id opportunity_id owner_id type direction outcome content_id occurred_at "
    "duration_minutes",
    "sales_engagement.activities": "activity_id record_id opportunity_id owner_id type direction outcome content_id "
    "occurred_at duration_minutes crm_system crm_activity_id",
    "crm.campaigns": "campaign_id name channel audience product_id message start_date end_date budget "
    "expected_responses actual_cost currency sales_briefed_at",
    "crm.campaign_members": "campaign_id record_id status responded_at",
    "marketing.contacts": "contact_id email phone first_name last_name title company website country industry "
    "employees lifecycle_stage source self_reported_source crm_record_id handed_over_at merged_into_contact_id "
    "opted_out_at created_at",
    "marketing.contact_history": "contact_id field value changed_at",
    "marketing.activities": "activity_id contact_id visitor_id type source medium campaign content_id url occurred_at",
    "marketing.identifications": "visitor_id contact_id identified_at",
    "marketing.deals": "deal_id contact_id crm_opportunity_id stage amount currency created_at close_date is_closed "
    "is_won",
    "marketing.ad_spend": "spend_date platform account_id campaign_id campaign_name impressions clicks cost currency "
    "extracted_at",
    "marketing.content": "content_id title job team published_at",
    "finance.fx_rates": "currency valid_from rate_to_reporting",
    "finance.cost_items": "month team kind amount currency",
    "finance.targets": "kpi month value opportunity_type segment region team plan_version",
    "finance.invoiced": "month account_id amount currency",
    "reported.figures": "kpi month side value link",
}
# What companies name as they like: only the agreed definitions may say what these words mean.
OWN_WORDS = {
    "status", "status_reason", "stage", "lifecycle_stage", "source", "lead_source", "medium", "campaign", "role",
    "rating", "loss_reason", "forecast_category", "competitor", "outcome", "channel", "industry", "team", "region",
}  # fmt: skip
PERSONAL = re.compile(r"(^|_)(email|phone|first_?name|last_?name|recipient|ip_address|body|cc|bcc)($|_)")
CONTRACTS = read_contracts()


def test_every_agreed_extract_has_a_contract() -> None:
    agreed = {f"{system}.{name}" for system, names in AGREED.items() for name in names.split()}
    assert agreed - set(CONTRACTS) == set()


@pytest.mark.parametrize("name", sorted(TEMPLATE_COLUMNS))
def test_templates_take_the_agreed_headers(name: str) -> None:
    assert set(TEMPLATE_COLUMNS[name].split()) - set(CONTRACTS[name].by_name) == set()


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_both_teams_can_read_and_have_signed(contract: Contract) -> None:
    assert set(contract.signatures) >= {
        "signedByMarketing",
        "signedByMarketingOn",
        "signedBySales",
        "signedBySalesOn",
    }
    assert all(contract.signatures.values())
    assert len(contract.purpose.split()) >= 5, contract.purpose
    assert contract.description.startswith("One row per"), contract.description


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_what_says_who_somebody_is_is_personal(contract: Contract) -> None:
    open_to_all = [
        column.name
        for column in contract.columns
        if PERSONAL.search(column.name) and column.is_text and column.classification != "personal"
    ]
    # A mail's own name and id, and ids of people, say nobody's name.
    assert [name for name in open_to_all if not re.search(r"email_(campaign|event|name|type)|_id$", name)] == []


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_references_point_to_a_column_that_exists(contract: Contract) -> None:
    for column, reference in contract.references:
        target = CONTRACTS[reference.contract_id]
        assert reference.column in target.by_name, f"{contract.id}.{column.name}"
        assert target.by_name[reference.column].physical_type == column.physical_type, f"{contract.id}.{column.name}"


@pytest.mark.parametrize("name", sorted(TEMPLATE_COLUMNS))
def test_templates_hold_no_row_back_for_a_companys_own_words(name: str) -> None:
    constrained = [
        column.name
        for column in CONTRACTS[name].columns
        if column.name in OWN_WORDS and column.valid_values is not None and column.valid_values_severity == "error"
    ]
    assert constrained == []


def test_a_broken_delivery_of_rates_stops_publishing() -> None:
    assert CONTRACTS["finance.fx_rates"].blocks_publish
    assert CONTRACTS["finance.fx_rates"].tolerance == 0


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_money_is_exact_and_currencies_look_like_currencies(contract: Contract) -> None:
    for column in contract.columns:
        is_money = re.search(r"(^|_)(amount|cost|spend|price|budget|rate_to_reporting)($|_)", column.name)
        if is_money and column.logical_type == "number":
            assert column.physical_type.startswith("decimal"), f"{contract.id}.{column.name}"
        if column.name in ("currency", "currency_code", "currency_iso_code", "deal_currency_code"):
            assert column.pattern is not None, f"{contract.id}.{column.name}"
