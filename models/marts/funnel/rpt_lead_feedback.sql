with handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

touches as (

    select * from {{ ref('fct_touches') }}

),

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

-- The content that a person used last before they were qualified.
last_content as (

    select
        handoffs.lead_cycle_id,
        touches.content_id,
        row_number() over (
            partition by handoffs.lead_cycle_id
            order by touches.touched_at desc, touches.touch_id desc
        ) as recency
    from handoffs
    inner join touches
        on
            handoffs.person_id = touches.person_id
            and handoffs.mql_at >= touches.touched_at
            and touches.content_id is not null

),

answers as (

    select
        cast({{ dbt.date_trunc('month', 'handoffs.mql_date') }} as date) as period_month,
        handoffs.channel,
        handoffs.campaign_id,
        last_content.content_id,
        handoffs.persona,
        case
            when not handoffs.is_handed_over then 'not_handed_over'
            when lead_cycles.is_won then 'won'
            when lead_cycles.exit_type is not null then lead_cycles.exit_type
            when lead_cycles.sqo_at is not null then 'opportunity'
            when lead_cycles.sql_at is not null then 'qualified'
            when handoffs.is_accepted then 'accepted'
            else 'no_disposition'
        end as disposition,
        case
            when
                lead_cycles.exit_type is not null
                then coalesce(lead_cycles.exit_reason, 'No reason given')
        end
            as reason,
        lead_cycles.exit_side as reason_side,
        handoffs.is_disposed
    from handoffs
    inner join lead_cycles on handoffs.lead_cycle_id = lead_cycles.lead_cycle_id
    left join last_content
        on
            handoffs.lead_cycle_id = last_content.lead_cycle_id
            and last_content.recency = 1

),

counted as (

    select
        period_month,
        channel,
        campaign_id,
        content_id,
        persona,
        disposition,
        reason,
        reason_side,
        count(*) as handoffs,
        sum(case when is_disposed then 1 else 0 end) as disposed
    from answers
    group by
        period_month,
        channel,
        campaign_id,
        content_id,
        persona,
        disposition,
        reason,
        reason_side

),

final as (

    select
        counted.channel,
        counted.campaign_id,
        campaigns.campaign_name,
        counted.content_id,
        counted.persona,
        counted.disposition,
        counted.reason,
        counted.reason_side,
        counted.handoffs,
        cast(counted.disposed as {{ dbt.type_bigint() }}) as disposed,
        counted.period_month
    from counted
    left join campaigns on counted.campaign_id = campaigns.campaign_id

)

select * from final
