with pipeline_changes as (

    select * from {{ ref('fct_pipeline_changes') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

-- Exchange rates move no deal.
changes as (

    select
        pipeline_changes.pipeline_change_id,
        pipeline_changes.opportunity_id,
        pipeline_changes.step,
        pipeline_changes.step_order,
        pipeline_changes.amount,
        pipeline_changes.changed_at,
        dates.fiscal_quarter_start_date
    from pipeline_changes
    inner join dates on pipeline_changes.changed_date = dates.date_day
    where pipeline_changes.step <> 'currency' and pipeline_changes.amount <> 0

),

ranked_changes as (

    select
        *,
        row_number() over (
            partition by opportunity_id, fiscal_quarter_start_date
            order by abs(amount) desc, changed_at asc, step_order asc, pipeline_change_id asc
        ) as place_in_deal
    from changes

),

deals as (

    select
        opportunity_id,
        fiscal_quarter_start_date,
        max(case when place_in_deal = 1 then step end) as step,
        max(abs(amount)) as moved_amount,
        sum(amount) as net_amount,
        max(changed_at) as changed_at
    from ranked_changes
    group by opportunity_id, fiscal_quarter_start_date

),

described as (

    select
        deals.opportunity_id,
        coalesce(opportunities.opportunity_name, opportunities.record_id) as opportunity_name,
        accounts.account_name,
        opportunities.system,
        opportunities.object,
        opportunities.record_id,
        opportunities.opportunity_type,
        coalesce(opportunities.segment, '(unknown)') as segment,
        coalesce(opportunities.region, '(unknown)') as region,
        coalesce(opportunities.owner_team, '(unknown)') as team,
        opportunities.stage,
        deals.step,
        deals.moved_amount,
        deals.net_amount,
        deals.fiscal_quarter_start_date,
        deals.changed_at
    from deals
    inner join opportunities on deals.opportunity_id = opportunities.opportunity_id
    left join accounts on opportunities.account_id = accounts.account_id

),

-- The largest ten of every slice: whatever is filtered, the largest ten of it are among them.
ranked as (

    select
        *,
        row_number() over (
            partition by fiscal_quarter_start_date, opportunity_type, segment, region, team
            order by moved_amount desc, opportunity_id asc
        ) as place
    from described

),

final as (

    select
        opportunity_id || ':' || cast(fiscal_quarter_start_date as {{ dbt.type_string() }})
            as pipeline_move_id,
        opportunity_id,
        system,
        object,
        record_id,
        opportunity_name,
        account_name,
        opportunity_type,
        segment,
        region,
        team,
        stage,
        step,
        cast(moved_amount as decimal(18, 2)) as moved_amount,
        cast(net_amount as decimal(18, 2)) as net_amount,
        cast(place as integer) as place,
        fiscal_quarter_start_date,
        changed_at
    from ranked
    where place <= 10

)

select * from final
