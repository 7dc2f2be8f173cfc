{%- set breakdowns = {
    '(all)': "'(all)'",
    'persona': 'handoffs.persona',
    'channel': 'handoffs.channel',
    'campaign': 'handoffs.campaign_id',
    'grade': 'handoffs.grade',
} -%}

with handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

-- What sales did with each lead that it was given; a deal that was lost later was not sent back.
answers as (

    {%- for breakdown, value in breakdowns.items() %}
        select
            '{{ breakdown }}' as breakdown,
            coalesce({{ value }}, '(unknown)') as breakdown_value,
            {{ month_start('handoffs.mql_date') }} as period_month,
            case
                when lead_cycles.exit_type in ('rejected', 'disqualified', 'recycled')
                    then lead_cycles.exit_type
                else 'kept'
            end as answer,
            case
                when lead_cycles.exit_type in ('rejected', 'disqualified', 'recycled')
                    then coalesce(lead_cycles.exit_reason, 'No reason given')
                else '(kept)'
            end as reason,
            case
                when lead_cycles.exit_type in ('rejected', 'disqualified', 'recycled')
                    then lead_cycles.exit_side
            end as reason_side
        from handoffs
        inner join lead_cycles on handoffs.lead_cycle_id = lead_cycles.lead_cycle_id
        where handoffs.is_handed_over
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}

),

counted as (

    select
        period_month,
        breakdown,
        breakdown_value,
        answer,
        reason,
        min(reason_side) as reason_side,
        count(*) as handoffs
    from answers
    group by period_month, breakdown, breakdown_value, answer, reason

),

with_base as (

    select
        *,
        sum(handoffs) over (partition by period_month, breakdown, breakdown_value)
            as handed_over
    from counted

),

final as (

    select
        with_base.breakdown,
        with_base.breakdown_value,
        case
            when with_base.breakdown = 'campaign'
                then coalesce(campaigns.campaign_name, with_base.breakdown_value)
            else with_base.breakdown_value
        end as breakdown_label,
        with_base.answer,
        with_base.reason,
        with_base.reason_side,
        with_base.answer in ('rejected', 'disqualified') as is_rejection,
        with_base.handoffs,
        cast(with_base.handed_over as {{ dbt.type_bigint() }}) as handed_over,
        with_base.handoffs / cast(with_base.handed_over as double) as answer_rate,
        with_base.period_month
    from with_base
    left join campaigns
        on
            with_base.breakdown = 'campaign'
            and with_base.breakdown_value = campaigns.campaign_id

)

select * from final
