with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

-- Before there is a deal the funnel knows no type: what it finds is new business.
entries as (

    select
        stage_entries.stage || 's' as kpi,
        coalesce(opportunities.opportunity_type, 'new') as opportunity_type,
        stage_entries.entered_date as actual_date,
        1 as value
    from stage_entries
    left join opportunities
        on stage_entries.opportunity_id = opportunities.opportunity_id
    where
        not stage_entries.is_inferred
        and stage_entries.stage in ('lead', 'mql', 'sal', 'sql', 'sqo')

),

actuals as (

    select
        kpi,
        opportunity_type,
        actual_date,
        value
    from entries

    union all

    select
        'created_deals' as kpi,
        opportunity_type,
        created_date as actual_date,
        1 as value
    from opportunities

    union all

    select
        'pipeline_created' as kpi,
        opportunity_type,
        created_date as actual_date,
        coalesce(amount, 0) as value
    from opportunities

    union all

    select
        'closed_deals' as kpi,
        opportunity_type,
        closed_date as actual_date,
        1 as value
    from opportunities
    where is_closed

    union all

    select
        'won_deals' as kpi,
        opportunity_type,
        closed_date as actual_date,
        1 as value
    from opportunities
    where is_won

    union all

    select
        'bookings' as kpi,
        opportunity_type,
        closed_date as actual_date,
        coalesce(amount, 0) as value
    from opportunities
    where is_won

),

final as (

    select
        kpi || ':' || opportunity_type || ':' || cast(actual_date as {{ dbt.type_string() }})
            as kpi_day_id,
        kpi,
        opportunity_type,
        cast(sum(value) as decimal(18, 2)) as value,
        actual_date
    from actuals
    group by kpi, opportunity_type, actual_date

)

select * from final
