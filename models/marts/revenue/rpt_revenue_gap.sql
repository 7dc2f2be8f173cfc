{#- The chain from the first count to money: each factor is one count over the one before. -#}
{%- set factors = ['volume', 'acceptance', 'qualification', 'timing', 'win_rate', 'deal_size'] -%}
{#- Three points of Gauss and Legendre on 0 to 1 integrate a polynomial of degree five exactly. -#}
{%- set points = [
    ('0.1127016653792583114820734600217600', '0.2777777777777777777777777777777778'),
    ('0.5', '0.4444444444444444444444444444444444'),
    ('0.8872983346207416885179265399782400', '0.2777777777777777777777777777777778'),
] -%}
{%- set history = var('gap_history_quarters') -%}

with target_quarters as (

    select * from {{ ref('fct_target_quarters') }}

),

kpi_days as (

    select * from {{ ref('fct_kpi_days') }}

),

quarter_days as (

    select * from {{ ref('fct_quarter_days') }}

),

counts as (

    select
        kpi_days.opportunity_type,
        quarter_days.quarter_start_date,
        sum(case when kpi_days.kpi = 'mqls' then kpi_days.value else 0 end) as mqls,
        sum(case when kpi_days.kpi = 'sals' then kpi_days.value else 0 end) as sals,
        sum(case when kpi_days.kpi = 'sqos' then kpi_days.value else 0 end) as sqos,
        sum(case when kpi_days.kpi = 'created_deals' then kpi_days.value else 0 end) as created,
        sum(case when kpi_days.kpi = 'closed_deals' then kpi_days.value else 0 end) as decided,
        sum(case when kpi_days.kpi = 'won_deals' then kpi_days.value else 0 end) as won,
        sum(case when kpi_days.kpi = 'bookings' then kpi_days.value else 0 end) as bookings
    from kpi_days
    inner join quarter_days
        on kpi_days.actual_date = quarter_days.date_day
    group by kpi_days.opportunity_type, quarter_days.quarter_start_date

),

-- Where the plan does not tell types apart, the company is one.
typed_counts as (

    select * from counts

    union all

    select
        '(all)' as opportunity_type,
        quarter_start_date,
        sum(mqls) as mqls,
        sum(sals) as sals,
        sum(sqos) as sqos,
        sum(created) as created,
        sum(decided) as decided,
        sum(won) as won,
        sum(bookings) as bookings
    from counts
    group by quarter_start_date

),

-- Expansions begin with an accepted opportunity and renewals with one at all: what lies before is
-- no factor of theirs, and stays 1.
chains as (

    select
        opportunity_type,
        quarter_start_date,
        case
            when opportunity_type = 'expansion' then sqos
            when opportunity_type = 'renewal' then created
            else mqls
        end as first_count,
        case
            when opportunity_type = 'expansion' then sqos
            when opportunity_type = 'renewal' then created
            else sals
        end as accepted_count,
        case
            when opportunity_type = 'renewal' then created
            else sqos
        end as qualified_count,
        decided,
        won,
        bookings
    from typed_counts

),

bookings_targets as (

    select
        opportunity_type,
        quarter_start_date,
        quarter_end_date,
        fiscal_year,
        fiscal_quarter,
        target_value,
        target_note,
        pacing_note,
        actual_value,
        expected_share,
        expected_to_date,
        is_complete,
        is_current
    from target_quarters
    where kpi = 'bookings' and (is_current or quarter_end_date < {{ business_date(as_of()) }})

),

quarters_with_types as (

    select distinct quarter_start_date
    from bookings_targets
    where opportunity_type <> '(all)' and target_value is not null

),

units as (

    select
        bookings_targets.*,
        coalesce(bookings_targets.actual_value, 0) as bookings
    from bookings_targets
    left join quarters_with_types
        on bookings_targets.quarter_start_date = quarters_with_types.quarter_start_date
    where
        case
            when quarters_with_types.quarter_start_date is null
                then bookings_targets.opportunity_type = '(all)'
            else bookings_targets.opportunity_type <> '(all)'
        end

),

-- The company's own rates of the quarters before stand in for what the plan does not say.
history as (

    select
        units.opportunity_type,
        units.quarter_start_date,
        count(chains.quarter_start_date) as history_quarters,
        cast(sum(chains.first_count) as double) as first_count,
        cast(sum(chains.accepted_count) as double) as accepted_count,
        cast(sum(chains.qualified_count) as double) as qualified_count,
        cast(sum(chains.decided) as double) as decided,
        cast(sum(chains.won) as double) as won
    from units
    left join chains
        on
            units.opportunity_type = chains.opportunity_type
            and units.quarter_start_date > chains.quarter_start_date
            and chains.quarter_start_date >= cast({{ dbt.dateadd(
                'month', -3 * history, 'units.quarter_start_date'
            ) }} as date)
    group by units.opportunity_type, units.quarter_start_date

),

stage_targets as (

    select
        opportunity_type,
        quarter_start_date,
        cast(max(case when kpi = 'mqls' then expected_to_date end) as double) as mqls,
        cast(max(case when kpi = 'sals' then expected_to_date end) as double) as sals,
        cast(max(case when kpi = 'sqos' then expected_to_date end) as double) as sqos
    from target_quarters
    group by opportunity_type, quarter_start_date

),

planned_counts as (

    select
        units.opportunity_type,
        units.quarter_start_date,
        units.quarter_end_date,
        units.fiscal_year,
        units.fiscal_quarter,
        units.is_complete,
        units.bookings,
        units.target_note,
        units.pacing_note,
        units.expected_to_date as target_amount,
        history.history_quarters,
        history.decided / nullif(history.qualified_count, 0) as timing_plan,
        history.won / nullif(history.decided, 0) as win_rate_plan,
        case
            when units.opportunity_type = 'expansion'
                then
                    coalesce(
                        stage_targets.sqos,
                        history.first_count / nullif(history.history_quarters, 0)
                        * units.expected_share
                    )
            when units.opportunity_type = 'renewal'
                then
                    history.first_count / nullif(history.history_quarters, 0)
                    * units.expected_share
            else
                coalesce(
                    stage_targets.mqls,
                    history.first_count / nullif(history.history_quarters, 0)
                    * units.expected_share
                )
        end as volume_plan,
        case
            when units.opportunity_type in ('expansion', 'renewal') then 1.0
            else
                coalesce(
                    stage_targets.sals / nullif(stage_targets.mqls, 0),
                    history.accepted_count / nullif(history.first_count, 0)
                )
        end as acceptance_plan,
        history.qualified_count / nullif(history.accepted_count, 0) as qualification_history,
        stage_targets.sqos as sqos_plan,
        cast(chains.first_count as double) as first_count,
        cast(chains.accepted_count as double) as accepted_count,
        cast(chains.qualified_count as double) as qualified_count,
        cast(chains.decided as double) as decided,
        cast(chains.won as double) as won
    from units
    left join history
        on
            units.opportunity_type = history.opportunity_type
            and units.quarter_start_date = history.quarter_start_date
    left join stage_targets
        on
            units.opportunity_type = stage_targets.opportunity_type
            and units.quarter_start_date = stage_targets.quarter_start_date
    left join chains
        on
            units.opportunity_type = chains.opportunity_type
            and units.quarter_start_date = chains.quarter_start_date

),

planned_rates as (

    select
        *,
        case
            when opportunity_type in ('expansion', 'renewal') then 1.0
            else
                coalesce(
                    sqos_plan / nullif(volume_plan * acceptance_plan, 0), qualification_history
                )
        end as qualification_plan
    from planned_counts

),

-- What the target then requires of each won deal closes the chain, so that the product of the
-- planned factors is the target.
planned as (

    select
        *,
        cast(target_amount as double)
        / nullif(
            volume_plan * acceptance_plan * qualification_plan * timing_plan * win_rate_plan, 0
        ) as deal_size_plan
    from planned_rates

),

-- A rate of nothing over nothing says nothing: the plan's stands, and the gap lies before it.
measured as (

    select
        *,
        coalesce(first_count, 0) as volume_actual,
        case
            when opportunity_type in ('expansion', 'renewal') then 1.0
            when first_count > 0 then accepted_count / first_count
            when coalesce(accepted_count, 0) = 0 then acceptance_plan
        end as acceptance_actual,
        case
            when opportunity_type in ('expansion', 'renewal') then 1.0
            when accepted_count > 0 then qualified_count / accepted_count
            when coalesce(qualified_count, 0) = 0 then qualification_plan
        end as qualification_actual,
        case
            when qualified_count > 0 then decided / qualified_count
            when coalesce(decided, 0) = 0 then timing_plan
        end as timing_actual,
        case
            when decided > 0 then won / decided
            when coalesce(won, 0) = 0 then win_rate_plan
        end as win_rate_actual,
        case
            when won > 0 then cast(bookings as double) / won
            when coalesce(won, 0) = 0 then deal_size_plan
        end as deal_size_actual
    from planned

),

judged as (

    select
        *,
        case
            when target_amount is null then coalesce(target_note, pacing_note, 'no target')
            when history_quarters = 0
                then 'no earlier quarter whose rates could stand in for the plan'
            when deal_size_plan is null
                then 'the quarters before had a stage without any entry, so no rate is known'
            when
                acceptance_actual is null
                or qualification_actual is null
                or timing_actual is null
                then 'a stage was entered in the quarter without any entry to the one before'
        end as split_note
    from measured

),

-- Shapley's value of a product: a factor's change times the others, each on its way from plan to
-- actual, over the whole way. The integral of that polynomial is the average over all orders.
split as (

    {%- for factor in factors %}
        select
            opportunity_type,
            quarter_start_date,
            quarter_end_date,
            fiscal_year,
            fiscal_quarter,
            is_complete,
            target_amount,
            bookings,
            split_note,
            '{{ factor }}' as factor,
            {{ loop.index }} as factor_order,
            {{ factor }}_plan as plan_value,
            {{ factor }}_actual as actual_value,
            case
                when split_note is null
                    then
                        100 * ({{ factor }}_actual - {{ factor }}_plan)
                        * (
                            {%- for point, weight in points %}
                                {{ weight }}
                                {%- for other in factors if other != factor %}
                                    * (
                                        {{ other }}_plan
                                        + ({{ other }}_actual - {{ other }}_plan) * {{ point }}
                                    )
                                {%- endfor %}
                                {{- ' +' if not loop.last }}
                            {%- endfor %}
                        )
            end as cents
        from judged
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}

),

floored as (

    select
        *,
        floor(cents) as whole_cents,
        row_number() over (
            partition by opportunity_type, quarter_start_date
            order by cents - floor(cents) desc, factor_order asc
        ) as remainder_place,
        cast((bookings - target_amount) * 100 as bigint)
        - cast(
            sum(cast(floor(cents) as bigint)) over (
                partition by opportunity_type, quarter_start_date
            ) as bigint
        ) as missing_cents
    from split

),

final as (

    select
        opportunity_type
        || ':'
        || cast(quarter_start_date as {{ dbt.type_string() }})
        || ':'
        || factor as revenue_gap_id,
        opportunity_type,
        factor,
        split_note,
        cast(fiscal_year as integer) as fiscal_year,
        cast(fiscal_quarter as integer) as fiscal_quarter,
        cast(factor_order as integer) as factor_order,
        plan_value,
        actual_value,
        cast(target_amount as decimal(18, 2)) as target_amount,
        cast(bookings as decimal(18, 2)) as bookings_amount,
        cast(bookings - target_amount as decimal(18, 2)) as gap_amount,
        cast(
            (
                cast(whole_cents as decimal(18, 0))
                + case
                    when remainder_place <= missing_cents then 1
                    when remainder_place > {{ factors | length }} + missing_cents then -1
                    else 0
                end
            ) * 0.01
            as decimal(18, 2)
        ) as contribution_amount,
        is_complete,
        quarter_start_date,
        quarter_end_date
    from floored

)

select * from final
