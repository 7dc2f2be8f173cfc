{%- set z = '1.959963984540054' -%}
{%- set measures = ['leads', 'sqos', 'bookings', 'won_deals', 'lost_deals'] -%}

with icp_attributes as (

    select * from {{ ref('fct_icp_attributes') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

-- What happened, one row each, with the subject whose attributes it has.
events as (

    select
        subject_type,
        subject_id,
        subject_date as event_date,
        1 as leads,
        0 as sqos,
        0 as bookings,
        0 as won_deals,
        0 as lost_deals
    from (
        select distinct
            subject_type,
            subject_id,
            subject_date
        from icp_attributes
        where subject_type = 'lead'
    ) as lead_subjects

    union all

    select
        'opportunity' as subject_type,
        stage_entries.opportunity_id as subject_id,
        stage_entries.entered_date as event_date,
        0 as leads,
        1 as sqos,
        0 as bookings,
        0 as won_deals,
        0 as lost_deals
    from stage_entries
    inner join opportunities on stage_entries.opportunity_id = opportunities.opportunity_id
    where
        stage_entries.stage = 'sqo'
        and not stage_entries.is_inferred
        and opportunities.opportunity_type = 'new'

    union all

    select
        'opportunity' as subject_type,
        opportunity_id as subject_id,
        closed_date as event_date,
        0 as leads,
        0 as sqos,
        case when is_won then coalesce(amount, 0) else 0 end as bookings,
        case when is_won then 1 else 0 end as won_deals,
        case when is_won then 0 else 1 end as lost_deals
    from opportunities
    where
        is_closed
        and closed_date is not null
        and opportunity_type = 'new'

),

counted as (

    select
        dates.fiscal_quarter_start_date as quarter_start_date,
        icp_attributes.attribute,
        icp_attributes.attribute_value,
        icp_attributes.weight,
        icp_attributes.attribute_weight,
        {%- for measure in measures %}
            sum(events.{{ measure }}) as {{ measure }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from events
    inner join icp_attributes
        on
            events.subject_type = icp_attributes.subject_type
            and events.subject_id = icp_attributes.subject_id
    inner join dates on events.event_date = dates.date_day
    group by
        dates.fiscal_quarter_start_date,
        icp_attributes.attribute,
        icp_attributes.attribute_value,
        icp_attributes.weight,
        icp_attributes.attribute_weight

),

{{ quarters_and_trailing_years('counted') }},

summed as (

    select
        periods.period_grain,
        periods.quarter_start_date,
        counted.attribute,
        counted.attribute_value,
        counted.weight,
        counted.attribute_weight,
        {%- for measure in measures %}
            sum(counted.{{ measure }}) as {{ measure }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from periods
    inner join counted on periods.counted_quarter_start_date = counted.quarter_start_date
    group by
        periods.period_grain,
        periods.quarter_start_date,
        counted.attribute,
        counted.attribute_value,
        counted.weight,
        counted.attribute_weight

),

with_totals as (

    select
        *,
        {%- for measure in ['leads', 'sqos', 'bookings'] %}
            sum({{ measure }}) over (
                partition by period_grain, quarter_start_date, attribute
            ) as all_{{ measure }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from summed

),

final as (

    select
        period_grain,
        attribute,
        attribute_value,
        weight,
        attribute_weight,
        weight > 0 as is_fit,
        {%- for measure in ['leads', 'sqos'] %}
            cast({{ measure }} as {{ dbt.type_bigint() }}) as {{ measure }},
            cast(all_{{ measure }} as {{ dbt.type_bigint() }}) as all_{{ measure }},
            {{ measure }} / nullif(cast(all_{{ measure }} as double), 0)
                as {{ measure[:-1] }}_share,
        {%- endfor %}
        cast(bookings as decimal(18, 2)) as bookings,
        cast(all_bookings as decimal(18, 2)) as all_bookings,
        cast(bookings as double) / nullif(cast(all_bookings as double), 0) as booking_share,
        cast(won_deals as {{ dbt.type_bigint() }}) as won_deals,
        cast(lost_deals as {{ dbt.type_bigint() }}) as lost_deals,
        won_deals / nullif(cast(won_deals + lost_deals as double), 0) as win_rate,
        {{ wilson_bound('won_deals', '(won_deals + lost_deals)', z, 'lower') }} as win_rate_low,
        {{ wilson_bound('won_deals', '(won_deals + lost_deals)', z, 'upper') }} as win_rate_high,
        quarter_start_date
    from with_totals

)

select * from final
