{%- set pace_weeks = var('pace_weeks', 13) -%}
{#-
    Whoever stands in one circle is only ever counted together: then no two campaigns, and no campaign and the whole, differ by
    a few reps.
-#}
{%- set circle = 'handoffs.rep_id' if var('rep_visibility', 'team') == 'rep'
    else "coalesce(reps.rep_group, '')" -%}

with campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

touches as (

    select * from {{ ref('fct_touches') }}

),

reps as (

    select * from {{ ref('dim_reps') }}

),

today as (

    select {{ business_date(as_of()) }} as today

),

running as (

    select
        campaigns.*,
        today.today,
        campaigns.start_date as starts_on,
        -- What stands in the calendar has a first day; without a last one it goes on.
        greatest(
            {{ dbt.datediff('campaigns.start_date', 'today.today', 'day') }}
            / 7.0,
            0
        ) as weeks_run
    from campaigns
    inner join today on coalesce(campaigns.end_date, today.today) >= today.today
    where
        not campaigns.is_deleted
        and campaigns.start_date is not null

),

responses as (

    select
        campaign_id,
        count(*) as responses
    from touches
    where
        campaign_id is not null
        and team = 'marketing'
        and is_response
    group by campaign_id

),

handed_over as (

    select
        campaign_id,
        count(*) as handoffs
    from handoffs
    where
        campaign_id is not null
        and is_handed_over
    group by campaign_id

),

-- What a campaign that has not begun can be expected to do is what its channel did.
of_channels as (

    select
        campaigns.channel,
        sum(coalesce(responses.responses, 0)) as responses,
        sum(coalesce(handed_over.handoffs, 0)) as handoffs
    from campaigns
    left join responses on campaigns.campaign_id = responses.campaign_id
    left join handed_over on campaigns.campaign_id = handed_over.campaign_id
    group by campaigns.channel

),

expected as (

    select
        running.campaign_id,
        running.starts_on,
        running.today,
        coalesce(responses.responses, 0) as responses,
        coalesce(handed_over.handoffs, 0) as handoffs,
        case
            when responses.responses > 0 then 'own'
            when of_channels.responses > 0 then 'channel'
        end as conversion_of,
        case
            when responses.responses > 0
                then coalesce(handed_over.handoffs, 0) / cast(responses.responses as double)
            when of_channels.responses > 0
                then of_channels.handoffs / cast(of_channels.responses as double)
        end as handoffs_per_response,
        case
            when running.weeks_run >= 1
                then coalesce(responses.responses, 0) / cast(running.weeks_run as double)
            else
                running.expected_responses
                / cast(
                    greatest(
                        coalesce(
                            {{ dbt.datediff(
                                'running.starts_on', 'running.end_date', 'day'
                            ) }} / 7.0,
                            4
                        ),
                        1
                    ) as double
                )
        end as responses_per_week
    from running
    left join responses on running.campaign_id = responses.campaign_id
    left join handed_over on running.campaign_id = handed_over.campaign_id
    left join of_channels on running.channel = of_channels.channel

),

owned as (

    select
        handoffs.campaign_id,
        {{ circle }} as circle,
        handoffs.fate,
        handoffs.first_response_at
    from handoffs
    left join reps on handoffs.rep_id = reps.rep_id
    where handoffs.rep_id is not null

),

-- Where the campaign's leads have gone so far is where they will go.
worked as (

    select
        circle,
        sum(
            case
                when first_response_at >= {{ dbt.dateadd('day', -7 * pace_weeks, as_of()) }}
                    then 1
                else 0
            end
        ) as worked,
        sum(case when fate in ('pending', 'untouched_overdue') then 1 else 0 end) as waiting
    from owned
    group by circle

),

campaign_circles as (

    select
        owned.campaign_id,
        owned.circle,
        count(*) as handoffs,
        sum(count(*)) over (partition by owned.campaign_id) as campaign_handoffs
    from owned
    inner join running on owned.campaign_id = running.campaign_id
    group by owned.campaign_id, owned.circle

),

demand_on_circles as (

    select
        campaign_circles.circle,
        {{ exact_sum(
            'expected.responses_per_week * expected.handoffs_per_response'
            ~ ' * campaign_circles.handoffs'
            ~ ' / cast(campaign_circles.campaign_handoffs as double)'
        ) }} as demand_per_week
    from campaign_circles
    inner join expected on campaign_circles.campaign_id = expected.campaign_id
    group by campaign_circles.circle

),

all_circles as (

    select count(*) as circles
    from worked

),

of_campaign_reps as (

    select
        campaign_circles.campaign_id,
        count(*) as circles,
        sum(worked.worked) / cast({{ pace_weeks }} as double) as worked_per_week,
        sum(worked.waiting) as waiting,
        {{ exact_sum('demand_on_circles.demand_per_week') }} as demand_per_week
    from campaign_circles
    inner join worked on campaign_circles.circle = worked.circle
    inner join demand_on_circles on campaign_circles.circle = demand_on_circles.circle
    group by campaign_circles.campaign_id
    having count(*) < (select all_circles.circles from all_circles)

),

of_all_reps as (

    select
        sum(worked) / cast({{ pace_weeks }} as double) as worked_per_week,
        sum(waiting) as waiting
    from worked

),

total_demand as (

    select {{ exact_sum('responses_per_week * handoffs_per_response') }} as demand_per_week
    from expected

),

weighed as (

    select
        expected.campaign_id,
        expected.responses,
        expected.handoffs,
        expected.conversion_of,
        expected.handoffs_per_response,
        expected.responses_per_week,
        expected.responses_per_week * expected.handoffs_per_response as handoffs_per_week,
        of_campaign_reps.campaign_id is not null as is_own_reps,
        coalesce(
            of_campaign_reps.worked_per_week,
            (select of_all_reps.worked_per_week from of_all_reps)
        ) as worked_per_week,
        coalesce(of_campaign_reps.waiting, (select of_all_reps.waiting from of_all_reps))
            as waiting,
        coalesce(
            of_campaign_reps.demand_per_week,
            (select total_demand.demand_per_week from total_demand)
        ) as demand_per_week
    from expected
    left join of_campaign_reps on expected.campaign_id = of_campaign_reps.campaign_id

),

final as (

    select
        running.campaign_id,
        running.campaign_name,
        running.channel,
        running.audience,
        running.product_id,
        running.message,
        nullif(rtrim(
            {% for column in [
                'audience', 'product_id', 'message', 'start_date', 'end_date', 'sales_briefed_at'
            ] %}
                case when running.{{ column }} is null then '{{ column }} ' else '' end
                {% if not loop.last %}|| {% endif %}
            {% endfor %}
        ), '') as missing,
        weighed.conversion_of,
        weighed.responses,
        weighed.handoffs,
        weighed.handoffs_per_response,
        weighed.responses_per_week,
        weighed.handoffs_per_week,
        weighed.demand_per_week,
        weighed.worked_per_week,
        cast(weighed.waiting as {{ dbt.type_bigint() }}) as waiting,
        greatest(weighed.demand_per_week - weighed.worked_per_week, 0) as shortfall_per_week,
        weighed.is_own_reps,
        running.sales_briefed_at is not null as is_sales_briefed,
        coalesce(weighed.demand_per_week > weighed.worked_per_week, false) as is_short,
        running.start_date,
        running.end_date,
        running.sales_briefed_at
    from running
    inner join weighed on running.campaign_id = weighed.campaign_id

)

select * from final
