with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

entrants as (

    select
        motion,
        channel,
        coalesce(segment, '(unknown)') as segment,
        coalesce(region, '(unknown)') as region,
        stage_order,
        case when is_converted_in_window then 1 else 0 end as converted,
        case when is_mature then 1 else 0 end as mature,
        cast({{ dbt.date_trunc('month', 'entered_date') }} as date) as period_month
    from stage_entries
    where not is_inferred

),

stages as (

    select distinct
        stage,
        stage_order
    from stage_entries

),

-- An entry counts twice: as an entrant of its stage, and as an entry to the next one for the stage
-- before.
counted as (

    select
        period_month,
        motion,
        channel,
        segment,
        region,
        stage_order,
        1 as entrants,
        mature as mature_entrants,
        converted as converted_in_window,
        mature * converted as mature_converted,
        0 as period_entries
    from entrants

    union all

    select
        period_month,
        motion,
        channel,
        segment,
        region,
        stage_order - 1 as stage_order,
        0 as entrants,
        0 as mature_entrants,
        0 as converted_in_window,
        0 as mature_converted,
        1 as period_entries
    from entrants
    where stage_order > 1

),

final as (

    select
        md5(
            cast(counted.period_month as {{ dbt.type_string() }}) || '|' || counted.motion || '|'
            || counted.channel || '|' || counted.segment || '|' || counted.region || '|'
            || stages.stage
        ) as funnel_slice_id,
        counted.motion,
        counted.channel,
        counted.segment,
        counted.region,
        stages.stage,
        cast(stages.stage_order as integer) as stage_order,
        cast(sum(counted.entrants) as {{ dbt.type_bigint() }}) as entrants,
        cast(sum(counted.mature_entrants) as {{ dbt.type_bigint() }}) as mature_entrants,
        cast(sum(counted.converted_in_window) as {{ dbt.type_bigint() }}) as converted_in_window,
        cast(sum(counted.mature_converted) as {{ dbt.type_bigint() }}) as mature_converted,
        cast(sum(counted.period_entries) as {{ dbt.type_bigint() }}) as period_entries,
        counted.period_month
    from counted
    inner join stages on counted.stage_order = stages.stage_order
    group by
        counted.period_month,
        counted.motion,
        counted.channel,
        counted.segment,
        counted.region,
        stages.stage,
        stages.stage_order

)

select * from final
