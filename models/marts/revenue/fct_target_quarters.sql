{%- set min_quarters = var('pacing_min_quarters') -%}

with targets as (

    select * from {{ ref('fct_targets') }}

),

kpi_days as (

    select * from {{ ref('fct_kpi_days') }}

),

quarter_days as (

    select * from {{ ref('fct_quarter_days') }}

),

planned_parts as (

    select
        kpi,
        '(all)' as opportunity_type,
        plan_version,
        target_value,
        target_month
    from targets
    where is_company_total

    union all

    select
        kpi,
        opportunity_type,
        plan_version,
        target_value,
        target_month
    from targets
    where is_type_total

),

planned as (

    select
        planned_parts.kpi,
        planned_parts.opportunity_type,
        quarter_days.quarter_start_date,
        max(planned_parts.plan_version) as plan_version,
        sum(planned_parts.target_value) as planned_total,
        count(*) as planned_rows,
        count(distinct planned_parts.target_month) as planned_months
    from planned_parts
    inner join quarter_days
        on planned_parts.target_month = quarter_days.date_day
    group by
        planned_parts.kpi, planned_parts.opportunity_type, quarter_days.quarter_start_date

),

days as (

    select
        kpi_days.kpi,
        kpi_days.opportunity_type,
        kpi_days.value,
        quarter_days.quarter_start_date,
        quarter_days.quarter_end_date,
        quarter_days.business_day_number,
        quarter_days.business_days
    from kpi_days
    inner join quarter_days
        on kpi_days.actual_date = quarter_days.date_day

    union all

    select
        kpi_days.kpi,
        '(all)' as opportunity_type,
        kpi_days.value,
        quarter_days.quarter_start_date,
        quarter_days.quarter_end_date,
        quarter_days.business_day_number,
        quarter_days.business_days
    from kpi_days
    inner join quarter_days
        on kpi_days.actual_date = quarter_days.date_day

),

actual as (

    select
        kpi,
        opportunity_type,
        quarter_start_date,
        sum(value) as actual_value
    from days
    group by kpi, opportunity_type, quarter_start_date

),

today as (

    select
        quarter_start_date,
        quarter_end_date,
        business_day_number,
        business_days
    from quarter_days
    where date_day = {{ business_date(as_of()) }}

),

-- Quarters have 60 to 66 business days: today's place in this one is found at the same part of each
-- earlier one.
shares as (

    select
        days.kpi,
        days.opportunity_type,
        count(distinct days.quarter_start_date) as pacing_quarters,
        sum(days.value) as pacing_total,
        sum(
            case
                when
                    days.business_day_number
                    <= round(
                        cast(today.business_day_number as double)
                        * days.business_days
                        / today.business_days
                    )
                    then days.value
                else 0
            end
        ) as pacing_to_date
    from days
    inner join today on days.quarter_end_date < today.quarter_start_date
    group by days.kpi, days.opportunity_type

),

kpis as (

    select
        kpi,
        opportunity_type,
        quarter_start_date
    from actual

    union

    select
        kpi,
        opportunity_type,
        quarter_start_date
    from planned

),

known_kpis as (

    select distinct kpi from kpi_days

),

quarters as (

    select distinct
        quarter_start_date,
        quarter_end_date,
        fiscal_year,
        fiscal_quarter,
        business_days
    from quarter_days

),

joined as (

    select
        kpis.kpi,
        kpis.opportunity_type,
        kpis.quarter_start_date,
        quarters.quarter_end_date,
        quarters.fiscal_year,
        quarters.fiscal_quarter,
        quarters.business_days,
        planned.plan_version,
        planned.planned_months,
        planned.planned_rows,
        case
            when planned.planned_months <> 3 then null
            when known_kpis.kpi is not null then planned.planned_total
            -- Rates of parts make none of the whole.
            when planned.planned_rows = 3 then planned.planned_total / 3
        end as target_value,
        case
            when
                known_kpis.kpi is not null
                and kpis.quarter_start_date <= today.quarter_start_date
                then coalesce(actual.actual_value, 0)
        end as actual_value,
        known_kpis.kpi is not null as is_known,
        {{ dbt.dateadd('day', 1, 'quarters.quarter_end_date') }} <= {{ as_of() }} as is_complete,
        kpis.quarter_start_date = today.quarter_start_date as is_current,
        kpis.quarter_start_date > today.quarter_start_date as is_future,
        today.business_day_number as today_number,
        shares.pacing_quarters,
        shares.pacing_total,
        shares.pacing_to_date
    from kpis
    inner join quarters
        on kpis.quarter_start_date = quarters.quarter_start_date
    inner join today
        on today.business_days > 0
    left join planned
        on
            kpis.kpi = planned.kpi
            and kpis.opportunity_type = planned.opportunity_type
            and kpis.quarter_start_date = planned.quarter_start_date
    left join actual
        on
            kpis.kpi = actual.kpi
            and kpis.opportunity_type = actual.opportunity_type
            and kpis.quarter_start_date = actual.quarter_start_date
    left join shares
        on
            kpis.kpi = shares.kpi
            and kpis.opportunity_type = shares.opportunity_type
    left join known_kpis
        on kpis.kpi = known_kpis.kpi

),

shared as (

    select
        *,
        case
            when is_future then 0
            when not is_current then 1
            when pacing_quarters >= {{ min_quarters }} and pacing_total > 0
                then cast(pacing_to_date as double) / pacing_total
        end as expected_share
    from joined

),

final as (

    select
        kpi
        || ':'
        || opportunity_type
        || ':'
        || cast(quarter_start_date as {{ dbt.type_string() }}) as target_quarter_id,
        kpi,
        opportunity_type,
        plan_version,
        case
            when planned_months is null then 'no target'
            when planned_months < 3
                then
                    'the plan covers '
                    || cast(planned_months as {{ dbt.type_string() }})
                    || ' of 3 months'
            when not is_known and planned_rows > 3
                then 'planned by parts only, and no figure of this name adds up'
            when not is_known
                then 'no figure of this name adds up over days: the mean of the months'
        end as target_note,
        case
            when is_current and expected_share is null
                then
                    'fewer than {{ min_quarters }} complete quarters before this one'
        end as pacing_note,
        cast(fiscal_year as integer) as fiscal_year,
        cast(fiscal_quarter as integer) as fiscal_quarter,
        cast(
            case
                when is_future then 0
                when is_current then today_number
                else business_days
            end
            as integer
        ) as business_day_number,
        cast(business_days as integer) as business_days,
        cast(case when is_current then pacing_quarters end as bigint) as pacing_quarters,
        cast(target_value as decimal(18, 4)) as target_value,
        cast(actual_value as decimal(18, 2)) as actual_value,
        expected_share,
        cast(target_value * cast(expected_share as decimal(18, 12)) as decimal(18, 2))
            as expected_to_date,
        is_current,
        is_complete,
        quarter_start_date,
        quarter_end_date
    from shared

)

select * from final
