with snapshots as (

    select * from {{ ref('fct_outlook_snapshots') }}

),

pipeline_states as (

    select * from {{ ref('int_pipeline_states') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

stage_durations as (

    select * from {{ ref('int_opportunity_stage_durations') }}

),

final as (

    select
        snapshots.outlook_snapshot_id || ':' || pipeline_states.opportunity_id
            as pipeline_snapshot_id,
        snapshots.outlook_snapshot_id,
        pipeline_states.opportunity_id,
        pipeline_states.rep_id,
        snapshots.place,
        opportunities.opportunity_type,
        coalesce(lower(trim(pipeline_states.stage)), '(unknown)') as stage,
        case
            when {{ dbt.datediff(
                'pipeline_states.created_date', 'snapshots.snapshot_date', 'day'
            ) }} <= 30 then '0 to 30 days'
            when {{ dbt.datediff(
                'pipeline_states.created_date', 'snapshots.snapshot_date', 'day'
            ) }} <= 90 then '31 to 90 days'
            when {{ dbt.datediff(
                'pipeline_states.created_date', 'snapshots.snapshot_date', 'day'
            ) }} <= 180 then '91 to 180 days'
            else 'over 180 days'
        end as age_band,
        -- Nobody kept what reps forecast at earlier moments.
        case
            when not snapshots.is_now then null
            when lower(opportunities.forecast_category) like '%commit%' then 'commit'
            when lower(opportunities.forecast_category) like '%best%' then 'best case'
            when lower(opportunities.forecast_category) like '%omit%' then 'omitted'
            when opportunities.forecast_category is not null then 'pipeline'
        end as forecast_category,
        cast(
            {{ dbt.datediff('pipeline_states.created_date', 'snapshots.snapshot_date', 'day') }}
            as integer
        ) as age_days,
        cast(pipeline_states.open_amount as decimal(18, 2)) as open_amount,
        cast(
            case
                when not snapshots.is_complete then null
                when
                    opportunities.is_won
                    and not opportunities.is_deleted
                    and {{ business_date('opportunities.won_at') }} > snapshots.snapshot_date
                    and {{ business_date('opportunities.won_at') }}
                    >= snapshots.quarter_start_date
                    and {{ business_date('opportunities.won_at') }}
                    <= snapshots.quarter_end_date
                    then coalesce(opportunities.amount, 0)
                else 0
            end
            as decimal(18, 2)
        ) as won_amount,
        coalesce(pipeline_states.close_date <= snapshots.quarter_end_date, false) as is_due,
        -- Today it is what fct_opportunities says; earlier, how long nothing had changed by then.
        case
            when snapshots.is_now then opportunities.is_stale
            else coalesce(
                {{ seconds_between(
                    'pipeline_states.occurred_at', business_day_end('snapshots.snapshot_date')
                ) }} / 86400 > stage_durations.p90_days,
                false
            )
        end as is_stale,
        pipeline_states.close_date,
        snapshots.snapshot_date,
        snapshots.quarter_start_date,
        snapshots.quarter_end_date
    from snapshots
    inner join opportunities
        on snapshots.opportunity_type = opportunities.opportunity_type
    inner join pipeline_states
        on
            opportunities.opportunity_id = pipeline_states.opportunity_id
            and pipeline_states.is_open
            and snapshots.snapshot_date >= pipeline_states.occurred_date
            and (
                pipeline_states.ended_date is null
                or snapshots.snapshot_date < pipeline_states.ended_date
            )
    left join stage_durations
        on
            opportunities.system = stage_durations.system
            and lower(trim(pipeline_states.stage)) = stage_durations.stage_key

)

select * from final
