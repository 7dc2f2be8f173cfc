{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

{%- set person_fields = [
    'status', 'status_reason', 'lifecycle_stage', 'rating', 'source', 'record_type'
] -%}
{%- set deal_fields = ['stage', 'opportunity_type', 'is_won', 'is_closed'] -%}
{%- set value_holds -%}
(
            rules.value = '*'
            or ({{ is_listed(
                "lower(trim(coalesce(found_value, '')))", 'lower(rules.value)'
            ) }}) = (rules.operator = 'in')
        )
{%- endset -%}
{%- set record_type_counts -%}
(
            rules.record_type = '*'
            or lower(records.record_type) = lower(rules.record_type)
        )
{%- endset -%}
{#- A team's month may close before the calendar's: what comes later belongs to the next. -#}
{%- set period_month = month_start(
    "case when month_begins_on > 1 and extract(day from counted_date) >= month_begins_on "
    ~ "then " ~ dbt.dateadd('month', 1, month_start('counted_date'))
    ~ " else counted_date end"
) %}

with held_back_records as (

    select * from {{ ref('int_held_back_records') }}

),

figure_rules as (

    select * from {{ ref('team_figure_rules') }}

),

crm_systems_in_use as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

person_changes as (

    select * from {{ ref('int_person_changes_unioned') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

deals as (

    select * from {{ ref('int_team_deals') }}

),

invoiced_amounts as (

    select * from {{ ref('stg_finance__invoiced_amounts') }}

),

account_records as (

    select * from {{ ref('int_account_records') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

-- Where a CRM proper delivers opportunities, a marketing system's own are not the CRM's figure.
rules as (

    select
        figure_rules.rule_id,
        figure_rules.kpi,
        figure_rules.side,
        figure_rules.system,
        figure_rules.object,
        figure_rules.record_type,
        figure_rules.dated_by,
        figure_rules.field,
        figure_rules.operator,
        figure_rules.value,
        figure_rules.counts,
        figure_rules.counted,
        figure_rules.time_zone,
        figure_rules.month_begins_on
    from figure_rules
    left join crm_systems_in_use
        on figure_rules.system = crm_systems_in_use.system
    where
        figure_rules.side <> 'crm'
        or crm_systems_in_use.system is not null

),

objects_looked_at as (

    select distinct
        system,
        object
    from rules

),

fields_looked_at as (

    select distinct
        system,
        object,
        field
    from rules
    where dated_by = 'reached'

),

-- A version that a contract holds back is what the system says, unless a later one was accepted.
held_back_people as (

    select held_back_records.*
    from held_back_records
    left join person_records on held_back_records.record_key = person_records.record_key
    where
        held_back_records.kind = 'person'
        and (
            person_records.record_key is null
            or held_back_records.modified_at > person_records.modified_at
        )

),

-- What its system has deleted or merged away, no report of that system counts.
living_records as (

    select
        person_records.record_key,
        person_records.system,
        person_records.object,
        person_records.record_id,
        {% for field in person_fields %}
            person_records.{{ field }},
        {% endfor %}
        people_records.person_id,
        cast(null as {{ dbt.type_string() }}) as held_back_by,
        coalesce(person_records.created_at, person_records.modified_at) as created_at,
        coalesce(
            person_records.converted_at, person_records.modified_at, person_records.created_at
        ) as last_known_at
    from person_records
    inner join objects_looked_at
        on
            person_records.system = objects_looked_at.system
            and person_records.object = objects_looked_at.object
    left join held_back_people on person_records.record_key = held_back_people.record_key
    left join people_records on person_records.record_key = people_records.record_key
    where
        {{ only_changed_people('people_records.person_id') }}
        and not person_records.is_deleted
        and person_records.merged_into_record_id is null
        and held_back_people.record_key is null

    union all

    select
        record_key,
        system,
        object,
        record_id,
        {% for field in person_fields %}
            {{ field }},
        {% endfor %}
        person_id,
        owner as held_back_by,
        coalesce(created_at, modified_at) as created_at,
        coalesce(modified_at, created_at) as last_known_at
    from held_back_people
    where {{ only_changed_people() }}

),

-- Of the histories, what some rule looks at.
all_changes as (

    select
        person_changes.system,
        person_changes.object,
        person_changes.record_id,
        person_changes.change_id,
        person_changes.field,
        person_changes.old_value,
        person_changes.new_value,
        cast(null as {{ dbt.type_string() }}) as held_back_by,
        person_changes.changed_at
    from person_changes
    inner join fields_looked_at
        on
            person_changes.system = fields_looked_at.system
            and person_changes.object = fields_looked_at.object
            and person_changes.field = fields_looked_at.field
    where not person_changes.is_deleted

    union all

    select
        system,
        object,
        record_id,
        held_row_id as change_id,
        field,
        old_value,
        new_value,
        owner as held_back_by,
        changed_at
    from held_back_records
    where kind = 'change'

),

kept_histories as (

    select distinct
        system,
        object,
        field
    from all_changes

),

changes as (

    select
        living_records.record_key,
        living_records.record_type,
        living_records.created_at,
        all_changes.system,
        all_changes.object,
        all_changes.field,
        all_changes.change_id,
        all_changes.old_value,
        all_changes.new_value,
        all_changes.held_back_by,
        all_changes.changed_at
    from all_changes
    inner join living_records
        on
            all_changes.system = living_records.system
            and all_changes.object = living_records.object
            and all_changes.record_id = living_records.record_id
    where all_changes.changed_at <= {{ as_of() }}

),

-- Rules are judged once per distinct value, not once per change.
values_of_changes as (

    select
        system,
        object,
        field,
        coalesce(new_value, '') as found_value
    from changes

    union

    select
        system,
        object,
        field,
        old_value as found_value
    from changes
    where old_value is not null

),

values_that_count as (

    select
        rules.rule_id,
        rules.record_type,
        values_of_changes.system,
        values_of_changes.object,
        values_of_changes.field,
        values_of_changes.found_value
    from values_of_changes
    inner join rules
        on
            rules.dated_by = 'reached'
            and values_of_changes.system = rules.system
            and values_of_changes.object = rules.object
            and values_of_changes.field = rules.field
    where {{ value_holds | replace('found_value', 'values_of_changes.found_value') }}

),

reached_by_change as (

    select
        values_that_count.rule_id,
        changes.record_key,
        changes.held_back_by,
        changes.changed_at as counted_at
    from changes
    inner join values_that_count
        on
            changes.system = values_that_count.system
            and changes.object = values_that_count.object
            and changes.field = values_that_count.field
            and coalesce(changes.new_value, '') = values_that_count.found_value
    where
        {{ record_type_counts | replace('rules.', 'values_that_count.')
        | replace('records.', 'changes.') }}

),

-- What a record was before its first known change, it was from its creation.
from_values_that_count as (

    select
        values_that_count.rule_id,
        changes.record_key,
        changes.field,
        changes.change_id,
        changes.held_back_by,
        least(changes.created_at, changes.changed_at) as counted_at,
        changes.changed_at
    from changes
    inner join values_that_count
        on
            changes.system = values_that_count.system
            and changes.object = values_that_count.object
            and changes.field = values_that_count.field
            and changes.old_value = values_that_count.found_value
    where
        {{ record_type_counts | replace('rules.', 'values_that_count.')
        | replace('records.', 'changes.') }}

),

reached_from_the_start as (

    select
        from_values_that_count.rule_id,
        from_values_that_count.record_key,
        from_values_that_count.held_back_by,
        from_values_that_count.counted_at
    from from_values_that_count
    left join changes as earlier
        on
            from_values_that_count.record_key = earlier.record_key
            and from_values_that_count.field = earlier.field
            and (
                from_values_that_count.changed_at > earlier.changed_at
                or (
                    from_values_that_count.changed_at = earlier.changed_at
                    and from_values_that_count.change_id > earlier.change_id
                )
            )
    where earlier.record_key is null

),

fields_changed as (

    select distinct
        record_key,
        field
    from changes

),

-- A value that no change explains: it stands since the creation where changes of it are kept.
reached_without_history as (

    select
        rules.rule_id,
        living_records.record_key,
        cast(null as {{ dbt.type_string() }}) as held_back_by,
        case
            when kept_histories.field is not null then living_records.created_at
            else living_records.last_known_at
        end as counted_at
    from living_records
    inner join rules
        on
            rules.dated_by = 'reached'
            and living_records.system = rules.system
            and living_records.object = rules.object
    left join fields_changed
        on
            living_records.record_key = fields_changed.record_key
            and rules.field = fields_changed.field
    left join kept_histories
        on
            living_records.system = kept_histories.system
            and living_records.object = kept_histories.object
            and rules.field = kept_histories.field
    where
        fields_changed.record_key is null
        and {{ record_type_counts | replace('records.', 'living_records.') }}
        and {{ value_holds | replace(
            'found_value',
            "case rules.field "
            ~ "when 'status' then living_records.status "
            ~ "when 'status_reason' then living_records.status_reason "
            ~ "when 'lifecycle_stage' then living_records.lifecycle_stage "
            ~ "when 'rating' then living_records.rating "
            ~ "when 'source' then living_records.source end"
        ) }}

),

created_records as (

    select
        rules.rule_id,
        living_records.record_key,
        cast(null as {{ dbt.type_string() }}) as held_back_by,
        living_records.created_at as counted_at
    from living_records
    inner join rules
        on
            rules.dated_by = 'created'
            and living_records.system = rules.system
            and living_records.object = rules.object
    where
        {{ record_type_counts | replace('records.', 'living_records.') }}
        and {{ value_holds | replace(
        'found_value',
        "case rules.field "
        ~ "when 'status' then living_records.status "
        ~ "when 'status_reason' then living_records.status_reason "
        ~ "when 'lifecycle_stage' then living_records.lifecycle_stage "
        ~ "when 'rating' then living_records.rating "
        ~ "when 'source' then living_records.source end"
    ) }}

),

counted_people as (

    select * from reached_by_change

    union all

    select * from reached_from_the_start

    union all

    select * from reached_without_history

    union all

    select * from created_records

),

people_dated as (

    select
        rules.rule_id,
        rules.kpi,
        rules.side,
        rules.counted,
        rules.month_begins_on,
        counted_people.record_key,
        counted_people.held_back_by,
        counted_people.counted_at,
        {{ local_date('counted_people.counted_at', 'rules.time_zone') }} as counted_date
    from counted_people
    inner join rules on counted_people.rule_id = rules.rule_id

),

people_placed as (

    select
        rule_id,
        kpi,
        side,
        record_key,
        held_back_by,
        counted,
        counted_at,
        {{ period_month }} as period_month
    from people_dated
    where counted_date is not null

),

people_ranked as (

    select
        rule_id,
        kpi,
        side,
        record_key,
        held_back_by,
        period_month,
        counted_at,
        row_number() over (
            partition by
                kpi, side, record_key, case when counted = 'monthly' then period_month end
            order by counted_at asc, rule_id asc
        ) as place
    from people_placed

),

people_counted as (

    select
        people_ranked.rule_id,
        people_ranked.kpi,
        people_ranked.side,
        living_records.record_key,
        living_records.system,
        living_records.object,
        living_records.record_id,
        living_records.person_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        coalesce(people_ranked.held_back_by, living_records.held_back_by) as held_back_by,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as decimal(18, 2)) as original_amount,
        cast(1 as decimal(18, 2)) as value,
        people_ranked.period_month,
        people_ranked.counted_at
    from people_ranked
    inner join living_records on people_ranked.record_key = living_records.record_key
    where people_ranked.place = 1

),

deals_dated as (

    select
        rules.rule_id,
        rules.kpi,
        rules.side,
        rules.counted,
        rules.month_begins_on,
        deals.record_key,
        deals.system,
        deals.object,
        deals.record_id,
        cast(null as {{ dbt.type_string() }}) as person_id,
        deals.opportunity_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        deals.held_back_by,
        deals.currency,
        deals.original_amount,
        case
            when rules.counts = 'records' then cast(1 as decimal(18, 2))
            when deals.original_amount is null then 0
            else deals.amount
        end as value,
        case
            when rules.dated_by = 'created' then deals.created_at
            else cast(deals.close_date as timestamp)
        end as counted_at,
        case
            when rules.dated_by = 'created'
                then {{ local_date('deals.created_at', 'rules.time_zone') }}
            else deals.close_date
        end as counted_date
    from deals
    inner join rules
        on
            rules.dated_by in ('created', 'closed')
            and deals.system = rules.system
            and deals.object = rules.object
    where {{ value_holds | replace(
        'found_value',
        "case rules.field "
        ~ "when 'stage' then deals.stage "
        ~ "when 'opportunity_type' then deals.opportunity_type "
        ~ "when 'is_closed' then case when deals.is_closed then 'true' else 'false' end "
        ~ "when 'is_won' then case when deals.is_won then 'true' else 'false' end end"
    ) }}

),

accounts_by_record_id as (

    select
        record_id,
        min(account_id) as account_id
    from account_records
    group by record_id

),

all_invoices as (

    select
        system,
        object,
        record_id,
        account_record_id,
        coalesce(currency, '{{ var("reporting_currency") }}') as currency,
        amount,
        cast(null as {{ dbt.type_string() }}) as held_back_by,
        cast(month as date) as month
    from invoiced_amounts
    where not is_deleted

    union all

    select
        system,
        object,
        record_id,
        account_record_id,
        currency,
        amount,
        owner as held_back_by,
        month
    from held_back_records
    where kind = 'invoice'

),

invoices_dated as (

    select
        rules.rule_id,
        rules.kpi,
        rules.side,
        rules.counted,
        rules.month_begins_on,
        {{ record_key('all_invoices.system', 'all_invoices.object', 'all_invoices.record_id') }}
            as record_key,
        all_invoices.system,
        all_invoices.object,
        all_invoices.record_id,
        cast(null as {{ dbt.type_string() }}) as person_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        accounts_by_record_id.account_id,
        all_invoices.held_back_by,
        all_invoices.currency,
        all_invoices.amount as original_amount,
        case
            when all_invoices.amount is null then 0
            else {{ convert_money('all_invoices.amount', 'fx_rates.rate') }}
        end as value,
        cast(all_invoices.month as timestamp) as counted_at,
        all_invoices.month as counted_date
    from all_invoices
    inner join rules
        on
            rules.dated_by = 'invoiced'
            and all_invoices.system = rules.system
            and all_invoices.object = rules.object
    left join accounts_by_record_id
        on all_invoices.account_record_id = accounts_by_record_id.record_id
    left join fx_rates
        on
            all_invoices.currency = fx_rates.currency
            and all_invoices.month >= fx_rates.valid_from
            and (fx_rates.valid_to is null or all_invoices.month < fx_rates.valid_to)

),

dated as (

    select * from deals_dated

    union all

    select * from invoices_dated

),

placed as (

    select
        *,
        {{ period_month }} as period_month
    from dated
    where counted_date is not null

),

ranked as (

    select
        *,
        row_number() over (
            partition by
                kpi, side, record_key, case when counted = 'monthly' then period_month end
            order by counted_at asc, rule_id asc
        ) as place
    from placed

),

counted_records as (

    select * from people_counted

    union all

    select
        rule_id,
        kpi,
        side,
        record_key,
        system,
        object,
        record_id,
        person_id,
        opportunity_id,
        account_id,
        held_back_by,
        currency,
        original_amount,
        value,
        period_month,
        counted_at
    from ranked
    where place = 1

),

final as (

    select
        kpi || '|' || side || '|' || record_key || '|'
        || cast(period_month as {{ dbt.type_string() }}) as figure_record_id,
        rule_id,
        kpi,
        side,
        record_key,
        system,
        object,
        record_id,
        person_id,
        opportunity_id,
        account_id,
        coalesce(person_id, opportunity_id, account_id) as party_id,
        currency,
        original_amount,
        value,
        held_back_by,
        held_back_by is not null as is_held_back,
        period_month,
        counted_at
    from counted_records

)

select * from final
