{%- set reasons = [
    'held_back_by_contract',
    'duplicate',
    'excluded',
    'no_record_here',
    'below_definition',
    'other_period',
    're_entry',
    'status_differs',
    'amount_or_currency_differs',
    'not_reproducible',
] -%}

with alignment_records as (

    select * from {{ ref('fct_alignment_records') }}

),

team_figures as (

    select * from {{ ref('fct_team_figures') }}

),

shared_records as (

    select * from {{ ref('fct_shared_records') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

disagreeing as (

    select *
    from alignment_records
    where not is_agreed

),

-- A pair in one month is one step; in two months each side of it is a step of its month.
record_steps as (

    select
        kpi,
        side,
        rule_id,
        coalesce(record_key, entry_id, opportunity_id) as entity,
        system,
        object,
        record_id,
        person_id,
        account_id,
        opportunity_id,
        entry_id,
        grade,
        reason,
        held_back_by,
        side_value,
        case when side_month = shared_month then shared_value else 0 end as shared_value,
        true as is_counted_by_side,
        coalesce(side_month = shared_month, false) as is_counted_by_shared,
        side_month as period_month,
        greatest(side_counted_at, coalesce(shared_counted_at, side_counted_at)) as since
    from disagreeing
    where is_counted_by_side

    union all

    select
        kpi,
        side,
        rule_id,
        coalesce(entry_id, opportunity_id) as entity,
        system,
        object,
        record_id,
        person_id,
        account_id,
        opportunity_id,
        entry_id,
        grade,
        reason,
        held_back_by,
        0 as side_value,
        shared_value,
        false as is_counted_by_side,
        true as is_counted_by_shared,
        shared_month as period_month,
        greatest(shared_counted_at, coalesce(side_counted_at, shared_counted_at)) as since
    from disagreeing
    where
        is_counted_by_shared
        and coalesce(side_month <> shared_month, true)

),

shared_totals as (

    select
        kpi,
        period_month,
        sum(value) as shared_value
    from shared_records
    where compared_with = 'team'
    group by kpi, period_month

),

-- What the side reported and its records do not show. Without any record of its own nothing of
-- the difference can be laid to a record.
unreproduced as (

    select
        team_figures.kpi,
        team_figures.side,
        team_figures.period_month,
        team_figures.reported_value
        - case
            when team_figures.has_records then team_figures.own_value
            else coalesce(shared_totals.shared_value, 0)
        end as value
    from team_figures
    left join shared_totals
        on
            team_figures.kpi = shared_totals.kpi
            and team_figures.period_month = shared_totals.period_month
    where team_figures.is_reported

),

all_steps as (

    select
        record_steps.kpi,
        record_steps.side,
        record_steps.entity,
        record_steps.system,
        record_steps.object,
        record_steps.record_id,
        record_steps.person_id,
        record_steps.account_id,
        record_steps.opportunity_id,
        record_steps.entry_id,
        record_steps.grade,
        record_steps.reason,
        record_steps.held_back_by,
        record_steps.side_value - record_steps.shared_value as value,
        record_steps.side_value,
        record_steps.shared_value,
        record_steps.is_counted_by_side,
        record_steps.is_counted_by_shared,
        record_steps.period_month,
        record_steps.since
    from record_steps

    union all

    select
        kpi,
        side,
        'reported figure' as entity,
        cast(null as {{ dbt.type_string() }}) as system,
        cast(null as {{ dbt.type_string() }}) as object,
        cast(null as {{ dbt.type_string() }}) as record_id,
        cast(null as {{ dbt.type_string() }}) as person_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        cast(null as {{ dbt.type_string() }}) as entry_id,
        cast(null as {{ dbt.type_string() }}) as grade,
        'not_reproducible' as reason,
        cast(null as {{ dbt.type_string() }}) as held_back_by,
        value,
        value as side_value,
        0 as shared_value,
        false as is_counted_by_side,
        false as is_counted_by_shared,
        period_month,
        cast({{ dbt.dateadd('month', 1, 'period_month') }} as {{ dbt.type_timestamp() }}) as since
    from unreproduced
    where value <> 0

),

-- What a unit was worth over the last twelve months: value won in them by cycles of that stage and
-- grade, over the entries in them.
year_start as (

    select {{ dbt.dateadd('month', -12, as_of()) }} as starts_at

),

won_cycles as (

    select
        case
            when lead_cycles.mql_at is not null and not lead_cycles.is_mql_inferred
                then lead_cycles.grade
        end as grade,
        lead_cycles.amount
    from lead_cycles
    inner join year_start on lead_cycles.won_at > year_start.starts_at
    where lead_cycles.is_won

),

won_in_the_year as (

    select
        grade,
        sum(amount) as won_value
    from won_cycles
    group by grade

),

entries as (

    select
        case stage_entries.stage
            when 'lead' then 'leads'
            when 'mql' then 'mqls'
            when 'sql' then 'sqls'
            else 'opportunities'
        end as kpi,
        case when stage_entries.stage = 'mql' then stage_entries.grade end as grade
    from stage_entries
    inner join year_start on stage_entries.entered_at > year_start.starts_at
    where
        stage_entries.stage in ('lead', 'mql', 'sql', 'sqo')
        and not stage_entries.is_inferred

),

entered_in_the_year as (

    select
        kpi,
        grade,
        count(*) as entries
    from entries
    group by kpi, grade

),

won_total as (

    select sum(won_value) as won_value
    from won_in_the_year

),

worth_of_a_unit as (

    select
        entered_in_the_year.kpi,
        {{ divide_money(
            '(select won_total.won_value from won_total)', 1, 'sum(entered_in_the_year.entries)'
        ) }} as unit_value
    from entered_in_the_year
    group by entered_in_the_year.kpi

),

worth_of_a_grade as (

    select
        entered_in_the_year.kpi,
        entered_in_the_year.grade,
        {{ divide_money(
            'coalesce(won_in_the_year.won_value, 0)', 1, 'entered_in_the_year.entries'
        ) }} as unit_value
    from entered_in_the_year
    left join won_in_the_year on entered_in_the_year.grade = won_in_the_year.grade
    where entered_in_the_year.kpi = 'mqls'

),

-- A pair that a month after as_of would show is no step yet; nor is one before the side's figures.
valued as (

    select
        all_steps.*,
        coalesce(all_steps.held_back_by, team_figures.owner) as owner,
        cast(
            case
                when all_steps.kpi in ('pipeline', 'bookings') then abs(all_steps.value)
                else
                    abs(all_steps.value) * coalesce(
                        worth_of_a_grade.unit_value, worth_of_a_unit.unit_value, 0
                    )
            end
            as decimal(18, 2)
        ) as money
    from all_steps
    inner join team_figures
        on
            all_steps.kpi = team_figures.kpi
            and all_steps.side = team_figures.side
            and all_steps.period_month = team_figures.period_month
    left join worth_of_a_grade
        on
            all_steps.kpi = worth_of_a_grade.kpi
            and all_steps.grade = worth_of_a_grade.grade
    left join worth_of_a_unit on all_steps.kpi = worth_of_a_unit.kpi

),

final as (

    select
        md5(
            kpi || '|' || side || '|' || cast(period_month as {{ dbt.type_string() }})
            || '|' || entity
        ) as step_id,
        kpi,
        side,
        entity,
        entry_id,
        person_id,
        account_id,
        opportunity_id,
        system,
        object,
        record_id,
        grade,
        reason,
        owner,
        case reason
            {%- for reason in reasons %}
                when '{{ reason }}' then {{ loop.index }}
            {%- endfor %}
        end as reason_order,
        cast(value as decimal(18, 2)) as value,
        cast(side_value as decimal(18, 2)) as side_value,
        cast(shared_value as decimal(18, 2)) as shared_value,
        money,
        is_counted_by_side,
        is_counted_by_shared,
        period_month,
        since
    from valued

)

select * from final
