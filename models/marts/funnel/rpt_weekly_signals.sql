{%- set weeks = var('signal_weeks', 26) | int -%}
{%- set minimum_weeks = var('signal_minimum_weeks', 12) | int -%}
{%- set minimum_mean = var('signal_minimum_mean', 5) -%}
{%- set false_discovery_rate = var('signal_false_discovery_rate', 0.1) -%}
with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

touches as (

    select * from {{ ref('fct_touches') }}

),

content as (

    select * from {{ ref('dim_content') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

counted_entries as (

    select
        stage as kpi,
        channel,
        coalesce(region, '(unknown)') as region,
        entered_date as event_date
    from stage_entries
    where not is_inferred and stage in ('lead', 'mql', 'sal', 'sql', 'sqo')

),

events as (

    select
        kpi,
        'channel' as dimension,
        channel as dimension_value,
        event_date
    from counted_entries

    union all

    select
        kpi,
        'region' as dimension,
        region as dimension_value,
        event_date
    from counted_entries

    union all

    select
        'content response' as kpi,
        'content' as dimension,
        coalesce(content.title, content.content_id) as dimension_value,
        {{ business_date('touches.touched_at') }} as event_date
    from touches
    inner join content on touches.content_id = content.content_id
    where touches.is_response

),

-- Monday to Sunday; the week of as_of is not over before its Sunday is.
weeks as (

    select
        week_start_date,
        row_number() over (order by week_start_date desc) - 1 as weeks_ago
    from (
        select distinct week_start_date
        from dates
        where {{ dbt.dateadd('day', 7, 'week_start_date') }} <= {{ business_date(as_of()) }}
    ) as whole_weeks

),

looked_at as (

    select
        week_start_date,
        weeks_ago
    from weeks
    where weeks_ago <= {{ weeks }}

),

counts as (

    select
        events.kpi,
        events.dimension,
        events.dimension_value,
        dates.week_start_date,
        count(*) as events_of_week
    from events
    inner join dates on events.event_date = dates.date_day
    group by events.kpi, events.dimension, events.dimension_value, dates.week_start_date

),

series as (

    select
        kpi,
        dimension,
        dimension_value,
        min(week_start_date) as first_week_start_date
    from counts
    group by kpi, dimension, dimension_value

),

-- A week without an event is a week with none of them, from the first one that had any.
series_weeks as (

    select
        series.kpi,
        series.dimension,
        series.dimension_value,
        looked_at.week_start_date,
        looked_at.weeks_ago,
        coalesce(counts.events_of_week, 0) as events_of_week
    from series
    inner join looked_at on series.first_week_start_date <= looked_at.week_start_date
    left join counts
        on
            series.kpi = counts.kpi
            and series.dimension = counts.dimension
            and series.dimension_value = counts.dimension_value
            and looked_at.week_start_date = counts.week_start_date

),

moving as (

    select
        kpi,
        dimension,
        dimension_value,
        week_start_date,
        weeks_ago,
        events_of_week,
        abs(
            events_of_week - lag(events_of_week) over (
                partition by kpi, dimension, dimension_value
                order by week_start_date
            )
        ) as moving_range
    from series_weeks

),

-- The last whole week is judged by those before it, and is none of them.
baselines as (

    select
        kpi,
        dimension,
        dimension_value,
        cast(
            sum(case when weeks_ago > 0 then 1 else 0 end) as {{ dbt.type_bigint() }}
        ) as weeks,
        cast(
            sum(case when weeks_ago = 0 then events_of_week else 0 end)
            as {{ dbt.type_bigint() }}
        ) as week_count,
        avg(case when weeks_ago > 0 then events_of_week end) as mean_count,
        avg(case when weeks_ago > 0 then moving_range end) as mean_moving_range,
        max(week_start_date) as week_start_date
    from moving
    group by kpi, dimension, dimension_value

),

judged as (

    select
        *,
        greatest(mean_count - 2.66 * mean_moving_range, 0) as lower_limit,
        mean_count + 2.66 * mean_moving_range as upper_limit,
        case
            when
                weeks >= {{ minimum_weeks }}
                and mean_count >= {{ minimum_mean }}
                and mean_moving_range > 0
                then
                    {{ normal_two_sided_p(
                        '(week_count - mean_count) / (mean_moving_range / 1.128)'
                    ) }}
        end as p_value
    from baselines
    where mean_count is not null

),

-- Benjamini and Hochberg: of all that is tested, the smallest probabilities, as far down as one of
-- them stays under its line.
ranked as (

    select
        kpi,
        dimension,
        dimension_value,
        row_number() over (order by p_value, kpi, dimension, dimension_value) as p_rank,
        count(*) over () as tests,
        p_value
    from judged
    where p_value is not null

),

discovered as (

    select
        kpi,
        dimension,
        dimension_value,
        p_rank <= coalesce(
            max(
                case when p_value <= {{ false_discovery_rate }} * p_rank / tests then p_rank end
            ) over (),
            0
        ) as is_discovered
    from ranked

),

-- What one more of a KPI is worth: the value won in the year before, shared by the year's entries.
year_bookings as (

    select sum(amount) as bookings
    from opportunities
    where
        is_won
        and opportunity_type = 'new'
        and closed_date > {{ dbt.dateadd('year', -1, business_date(as_of())) }}

),

year_counts as (

    select
        kpi,
        count(*) as events_of_year
    from events
    where
        event_date > {{ dbt.dateadd('year', -1, business_date(as_of())) }}
        -- An entry has a channel and a region: it counts once.
        and dimension <> 'region'
    group by kpi

),

final as (

    select
        md5(judged.kpi || '|' || judged.dimension || '|' || judged.dimension_value)
            as weekly_signal_id,
        judged.kpi,
        judged.dimension,
        judged.dimension_value,
        judged.weeks,
        judged.week_count,
        judged.mean_count,
        judged.lower_limit,
        judged.upper_limit,
        judged.p_value,
        cast(
            (judged.week_count - judged.mean_count)
            * coalesce(year_bookings.bookings, 0) / nullif(year_counts.events_of_year, 0)
            as decimal(18, 2)
        ) as money,
        judged.p_value is not null as is_tested,
        -- One week before gives no range, and a week cannot be outside of none.
        coalesce(
            judged.week_count < judged.lower_limit or judged.week_count > judged.upper_limit, false
        ) as is_outside_limits,
        coalesce(discovered.is_discovered, false)
        and (
            judged.week_count < judged.lower_limit or judged.week_count > judged.upper_limit
        ) as is_signal,
        judged.week_start_date
    from judged
    left join discovered
        on
            judged.kpi = discovered.kpi
            and judged.dimension = discovered.dimension
            and judged.dimension_value = discovered.dimension_value
    left join year_counts on judged.kpi = year_counts.kpi
    left join year_bookings on 1 = 1

)

select * from final
