{%- set sums = [
    'conversions', 'with_conversation', 'touches', 'rep_touches', 'people', 'contents',
    'with_content', 'touches_before_conversation',
] -%}

with conversions as (

    select * from {{ ref('fct_conversions') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

journeys as (

    select
        dates.fiscal_quarter_start_date as quarter_start_date,
        conversions.conversion_type,
        coalesce(conversions.segment, '(unknown)') as segment,
        1 as conversions,
        case when conversions.first_conversation_at is not null then 1 else 0 end
            as with_conversation,
        conversions.touches,
        conversions.rep_touches,
        conversions.people,
        conversions.contents,
        case when conversions.contents > 0 then 1 else 0 end as with_content,
        conversions.touches_before_conversation,
        {{ seconds_between('conversions.first_touched_at', 'conversions.first_conversation_at') }}
        / 86400 as days_before_conversation
    from conversions
    inner join dates on conversions.converted_date = dates.date_day

),

{{ quarters_and_trailing_years('journeys') }},

grouped as (

    {%- for segment in ["'(all)'", 'journeys.segment'] %}
        select
            periods.period_grain,
            periods.quarter_start_date,
            journeys.conversion_type,
            {{ segment }} as segment,
            {%- for column in sums %}
                sum(journeys.{{ column }}) as {{ column }},
            {%- endfor %}
            {{ percentile('journeys.days_before_conversation', 0.5) }}
                as median_days_before_conversation,
            {{ percentile('journeys.touches_before_conversation', 0.5) }}
                as median_touches_before_conversation,
            {{ percentile('journeys.people', 0.5) }} as median_people,
            {{ exact_sum('journeys.days_before_conversation') }} as days_before_conversation
        from periods
        inner join journeys on periods.counted_quarter_start_date = journeys.quarter_start_date
        group by
            periods.period_grain,
            periods.quarter_start_date,
            journeys.conversion_type,
            {{ segment }}
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}

),

final as (

    select
        period_grain,
        conversion_type,
        segment,
        {%- for column in sums[:-1] %}
            cast({{ column }} as {{ dbt.type_bigint() }}) as {{ column }},
        {%- endfor %}
        cast(coalesce(touches_before_conversation, 0) as {{ dbt.type_bigint() }})
            as touches_before_conversation,
        coalesce(days_before_conversation, 0) as days_before_conversation,
        cast(median_days_before_conversation as double) as median_days_before_conversation,
        cast(median_touches_before_conversation as double) as median_touches_before_conversation,
        cast(median_people as double) as median_people,
        rep_touches / nullif(cast(touches as double), 0) as rep_touch_share,
        quarter_start_date
    from grouped

)

select * from final
