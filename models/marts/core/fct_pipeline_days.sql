with pipeline_states as (

    select * from {{ ref('int_pipeline_states') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

-- An open opportunity is worth its amount at the rate of the day on which it was created, so that
-- the pipeline moves when deals move and not when currencies do. Team and region are those of
-- then: a deal that changed hands does not rewrite what its first owner had.
open_states as (

    select
        pipeline_states.opportunity_id,
        opportunities.opportunity_type,
        coalesce(opportunities.segment, '(unknown)') as segment,
        coalesce(pipeline_states.region, '(unknown)') as region,
        coalesce(pipeline_states.owner_team, '(unknown)') as team,
        pipeline_states.open_amount,
        pipeline_states.occurred_date as opened_date,
        pipeline_states.ended_date
    from pipeline_states
    inner join opportunities
        on pipeline_states.opportunity_id = opportunities.opportunity_id
    where pipeline_states.is_open

),

changes as (

    select
        opportunity_type,
        segment,
        region,
        team,
        opened_date as change_date,
        open_amount as amount_change,
        1 as count_change
    from open_states

    union all

    select
        opportunity_type,
        segment,
        region,
        team,
        ended_date as change_date,
        -1 * open_amount as amount_change,
        -1 as count_change
    from open_states
    where ended_date is not null

),

changes_by_day as (

    select
        opportunity_type,
        segment,
        region,
        team,
        change_date,
        sum(amount_change) as amount_change,
        sum(count_change) as count_change
    from changes
    group by opportunity_type, segment, region, team, change_date

),

slices as (

    select
        opportunity_type,
        segment,
        region,
        team,
        min(change_date) as first_date
    from changes_by_day
    group by opportunity_type, segment, region, team

),

bounds as (

    select
        min(first_date) as first_date,
        {{ business_date(as_of()) }} as last_date
    from slices

),

days as (

    {{ date_spine_days('first_date', 'last_date') }}
    from bounds
    where first_date is not null

),

-- Every slice has every day from its first on, empty ones included: "the last day of the period"
-- must be the last day, not the last one on which something was open.
slice_days as (

    select
        slices.opportunity_type,
        slices.segment,
        slices.region,
        slices.team,
        days.date_day as snapshot_date
    from slices
    inner join days on slices.first_date <= days.date_day

),

final as (

    select
        slice_days.opportunity_type || ':' || slice_days.segment || ':' || slice_days.region || ':'
        || slice_days.team || ':' || cast(slice_days.snapshot_date as {{ dbt.type_string() }})
            as pipeline_day_id,
        slice_days.opportunity_type,
        slice_days.segment,
        slice_days.region,
        slice_days.team,
        cast(
            sum(coalesce(changes_by_day.amount_change, 0)) over (
                partition by
                    slice_days.opportunity_type,
                    slice_days.segment,
                    slice_days.region,
                    slice_days.team
                order by slice_days.snapshot_date asc
                rows between unbounded preceding and current row
            ) as decimal(18, 2)
        ) as open_amount,
        cast(
            sum(coalesce(changes_by_day.count_change, 0)) over (
                partition by
                    slice_days.opportunity_type,
                    slice_days.segment,
                    slice_days.region,
                    slice_days.team
                order by slice_days.snapshot_date asc
                rows between unbounded preceding and current row
            ) as bigint
        ) as open_opportunities,
        slice_days.snapshot_date
    from slice_days
    left join changes_by_day
        on
            slice_days.opportunity_type = changes_by_day.opportunity_type
            and slice_days.segment = changes_by_day.segment
            and slice_days.region = changes_by_day.region
            and slice_days.team = changes_by_day.team
            and slice_days.snapshot_date = changes_by_day.change_date

)

select * from final
