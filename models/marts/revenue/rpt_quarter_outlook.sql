{#- From fine to coarse: the first at which enough deals were seen before gives the rate. -#}
{%- set levels = [
    ['stage', 'age_band', 'is_due'],
    ['stage', 'is_due'],
    ['is_due'],
    [],
] -%}
{%- set min_quarters = var('outlook_min_quarters') -%}
{%- set min_deals = var('outlook_min_deals') -%}
{%- set range_share = var('outlook_range_share') -%}
{#- Half-width in standard deviations of a normal range of 80 %, the least that is used. -#}
{%- set least_width = 1.2816 -%}

with snapshots as (

    select * from {{ ref('fct_outlook_snapshots') }}

),

pipeline_snapshots as (

    select * from {{ ref('fct_pipeline_snapshots') }}

),

-- What an outlook may learn from: the same place in quarters that were over by then.
lessons as (

    select
        snapshots.outlook_snapshot_id,
        earlier.outlook_snapshot_id as earlier_snapshot_id,
        earlier.won_later_amount
    from snapshots
    inner join snapshots as earlier
        on
            snapshots.place = earlier.place
            and snapshots.opportunity_type = earlier.opportunity_type
            and snapshots.snapshot_date >= earlier.quarter_end_date
            and earlier.is_complete

),

learned as (

    select
        outlook_snapshot_id,
        count(*) as learned_quarters,
        {{ exact_sum('won_later_amount') }} as won_later_amount,
        {{ exact_sum('cast(won_later_amount as double) * won_later_amount') }}
            as won_later_squares
    from lessons
    group by outlook_snapshot_id

),

later as (

    select
        outlook_snapshot_id,
        learned_quarters,
        won_later_amount / learned_quarters as later_amount,
        -- The sample's variance, and that of its mean; written out, since the engine's own would
        -- depend on the order in which threads add up.
        coalesce(
            greatest(
                won_later_squares - won_later_amount * won_later_amount / learned_quarters, 0
            )
            / nullif(learned_quarters - 1, 0),
            0
        ) * (1 + 1.0 / learned_quarters) as later_variance
    from learned

),

cells as (

    select
        outlook_snapshot_id,
        stage,
        age_band,
        is_due,
        count(*) as deals,
        sum(case when won_amount > 0 then 1 else 0 end) as won_deals,
        sum(open_amount) as open_amount,
        {{ exact_sum('cast(open_amount as double) * open_amount') }} as open_amount_squares,
        -- A deal without an amount has no rate; what such deals came to is learned by the deal.
        sum(case when open_amount <> 0 then coalesce(won_amount, 0) else 0 end) as won_amount,
        sum(case when open_amount = 0 then 1 else 0 end) as blank_deals,
        sum(case when open_amount = 0 then coalesce(won_amount, 0) else 0 end)
            as blank_won_amount
    from pipeline_snapshots
    group by outlook_snapshot_id, stage, age_band, is_due

),

{% for keys in levels %}
    level_{{ loop.index }} as (

        select
            lessons.outlook_snapshot_id,
            {%- for key in keys %}
                cells.{{ key }},
            {%- endfor %}
            sum(cells.deals) as deals,
            cast(sum(cells.won_deals) as double) / sum(cells.deals) as won_share,
            cast(sum(cells.won_amount) as double) / nullif(sum(cells.open_amount), 0)
                as won_rate,
            cast(sum(cells.blank_won_amount) as double) / nullif(sum(cells.blank_deals), 0)
                as blank_value
        from lessons
        inner join cells
            on lessons.earlier_snapshot_id = cells.outlook_snapshot_id
        group by
            {%- for key in keys %}
                cells.{{ key }},
            {%- endfor %}
            lessons.outlook_snapshot_id

    ),
{% endfor %}

rated as (

    select
        cells.outlook_snapshot_id,
        cast(cells.open_amount as double) as open_amount,
        cells.open_amount_squares,
        cells.deals,
        cells.blank_deals,
        -- Too few to tell apart by stage.
        coalesce(level_{{ levels | length }}.blank_value, 0) as blank_value,
        case
            {%- for keys in levels[:-1] %}
                when level_{{ loop.index }}.deals >= {{ min_deals }}
                    then level_{{ loop.index }}.won_rate
            {%- endfor %}
            else level_{{ levels | length }}.won_rate
        end as won_rate,
        case
            {%- for keys in levels[:-1] %}
                when level_{{ loop.index }}.deals >= {{ min_deals }}
                    then level_{{ loop.index }}.won_share
            {%- endfor %}
            else level_{{ levels | length }}.won_share
        end as won_share,
        case
            {%- for keys in levels[:-1] %}
                when level_{{ loop.index }}.deals >= {{ min_deals }}
                    then level_{{ loop.index }}.deals
            {%- endfor %}
            else level_{{ levels | length }}.deals
        end as learned_deals
    from cells
    left join level_1
        on
            cells.outlook_snapshot_id = level_1.outlook_snapshot_id
            and cells.stage = level_1.stage
            and cells.age_band = level_1.age_band
            and cells.is_due = level_1.is_due
    left join level_2
        on
            cells.outlook_snapshot_id = level_2.outlook_snapshot_id
            and cells.stage = level_2.stage
            and cells.is_due = level_2.is_due
    left join level_3
        on
            cells.outlook_snapshot_id = level_3.outlook_snapshot_id
            and cells.is_due = level_3.is_due
    left join level_4
        on cells.outlook_snapshot_id = level_4.outlook_snapshot_id

),

-- Each deal is won or not, and the share of those won is itself only known from so many deals.
expected as (

    select
        outlook_snapshot_id,
        sum(deals) as open_deals,
        {{ exact_sum('open_amount') }} as open_amount,
        {{ exact_sum(
            'case when open_amount = 0 then 0 else open_amount * won_rate end'
            ~ ' + blank_deals * blank_value'
        ) }} as expected_open_amount,
        {{ exact_sum(
            'won_share * (1 - won_share) * open_amount_squares'
            ~ ' + won_share * (1 - won_share) * open_amount * open_amount / learned_deals'
            ~ ' + blank_deals * blank_value * blank_value'
        ) }} as open_variance,
        sum(case when open_amount <> 0 and won_rate is null then 1 else 0 end) as unrated_cells
    from rated
    group by outlook_snapshot_id

),

forecasts as (

    select
        outlook_snapshot_id,
        sum(case when forecast_category = 'commit' and is_due then open_amount else 0 end)
            as commit_amount,
        sum(case when forecast_category = 'best case' and is_due then open_amount else 0 end)
            as best_case_amount,
        sum(case when forecast_category = 'pipeline' and is_due then open_amount else 0 end)
            as pipeline_amount
    from pipeline_snapshots
    group by outlook_snapshot_id

),

by_type as (

    select
        snapshots.place,
        snapshots.opportunity_type,
        snapshots.fiscal_year,
        snapshots.fiscal_quarter,
        snapshots.is_complete,
        snapshots.is_now,
        snapshots.snapshot_date,
        snapshots.quarter_start_date,
        snapshots.quarter_end_date,
        snapshots.won_to_date_amount,
        snapshots.bookings_amount,
        coalesce(expected.open_deals, 0) as open_deals,
        coalesce(expected.open_amount, 0) as open_amount,
        case
            when coalesce(later.learned_quarters, 0) < {{ min_quarters }} then null
            when coalesce(expected.unrated_cells, 0) > 0 then null
            else coalesce(expected.expected_open_amount, 0)
        end as expected_open_amount,
        case
            when coalesce(later.learned_quarters, 0) >= {{ min_quarters }} then later.later_amount
        end as expected_later_amount,
        coalesce(expected.open_variance, 0) + later.later_variance as variance,
        coalesce(later.learned_quarters, 0) as learned_quarters,
        coalesce(expected.unrated_cells, 0) as unrated_cells,
        coalesce(forecasts.commit_amount, 0) as commit_amount,
        coalesce(forecasts.best_case_amount, 0) as best_case_amount,
        coalesce(forecasts.pipeline_amount, 0) as pipeline_amount
    from snapshots
    left join later
        on snapshots.outlook_snapshot_id = later.outlook_snapshot_id
    left join expected
        on snapshots.outlook_snapshot_id = expected.outlook_snapshot_id
    left join forecasts
        on snapshots.outlook_snapshot_id = forecasts.outlook_snapshot_id

),

-- The company is the sum of its types; without an outlook for one of them it has none.
company as (

    select
        place,
        '(all)' as opportunity_type,
        fiscal_year,
        fiscal_quarter,
        is_complete,
        is_now,
        snapshot_date,
        quarter_start_date,
        quarter_end_date,
        sum(won_to_date_amount) as won_to_date_amount,
        sum(bookings_amount) as bookings_amount,
        sum(open_deals) as open_deals,
        {{ exact_sum('open_amount') }} as open_amount,
        case
            when count(expected_open_amount) = count(*) then {{ exact_sum('expected_open_amount') }}
        end as expected_open_amount,
        case
            when count(expected_later_amount) = count(*)
                then {{ exact_sum('expected_later_amount') }}
        end as expected_later_amount,
        {{ exact_sum('variance') }} as variance,
        min(learned_quarters) as learned_quarters,
        sum(unrated_cells) as unrated_cells,
        sum(commit_amount) as commit_amount,
        sum(best_case_amount) as best_case_amount,
        sum(pipeline_amount) as pipeline_amount
    from by_type
    group by
        place,
        fiscal_year,
        fiscal_quarter,
        is_complete,
        is_now,
        snapshot_date,
        quarter_start_date,
        quarter_end_date

),

unioned as (

    select * from by_type

    union all

    select * from company

),

-- Today's place and the one ahead move with the build, so neither is a test: the same outlook of a
-- past quarter must stand, range and all, whenever it is asked for.
outlooks as (

    select
        *,
        won_to_date_amount + expected_open_amount + expected_later_amount as outlook_amount,
        sqrt(variance) as deviation,
        (
            is_complete
            and expected_open_amount is not null
            and expected_later_amount is not null
            and place in ('start', 'month_1', 'month_2')
        ) as is_test
    from unioned

),

-- How far off the outlooks were whose quarters were over by then, in their own deviations: the
-- width that would have held the agreed share of them.
misses as (

    select
        outlooks.quarter_start_date,
        outlooks.place,
        outlooks.opportunity_type,
        abs(earlier.bookings_amount - earlier.outlook_amount) / earlier.deviation as miss,
        count(*) over (
            partition by
                outlooks.quarter_start_date, outlooks.place, outlooks.opportunity_type
        ) as misses,
        row_number() over (
            partition by
                outlooks.quarter_start_date, outlooks.place, outlooks.opportunity_type
            order by
                abs(earlier.bookings_amount - earlier.outlook_amount) / earlier.deviation asc,
                earlier.quarter_start_date asc,
                earlier.place asc
        ) as miss_place
    from outlooks
    inner join outlooks as earlier
        on
            outlooks.opportunity_type = earlier.opportunity_type
            and outlooks.snapshot_date >= earlier.quarter_end_date
            and earlier.is_test
            and earlier.deviation > 0

),

widths as (

    select
        quarter_start_date,
        place,
        opportunity_type,
        max(misses) as learned_outlooks,
        max(
            case
                when miss_place = least(ceil({{ range_share }} * (misses + 1)), misses) then miss
            end
        ) as width
    from misses
    group by quarter_start_date, place, opportunity_type

),

ranged as (

    select
        outlooks.*,
        coalesce(widths.learned_outlooks, 0) as learned_outlooks,
        greatest(coalesce(widths.width, {{ least_width }}), {{ least_width }})
        * outlooks.deviation as half_width
    from outlooks
    left join widths
        on
            outlooks.quarter_start_date = widths.quarter_start_date
            and outlooks.place = widths.place
            and outlooks.opportunity_type = widths.opportunity_type

),

bounded as (

    select
        *,
        -- What is won stays won.
        greatest(
            outlook_amount - half_width, cast(won_to_date_amount as double)
        ) as low_amount,
        outlook_amount + half_width as high_amount
    from ranged

),

tested as (

    select
        *,
        case
            when is_test
                then
                    bookings_amount >= cast(low_amount as decimal(18, 2))
                    and bookings_amount <= cast(high_amount as decimal(18, 2))
        end as is_in_range
    from bounded

),

final as (

    select
        cast(quarter_start_date as {{ dbt.type_string() }})
        || ':'
        || place
        || ':'
        || opportunity_type as quarter_outlook_id,
        place,
        opportunity_type,
        case
            when outlook_amount is not null then null
            when learned_quarters < {{ min_quarters }}
                then
                    'only '
                    || cast(learned_quarters as {{ dbt.type_string() }})
                    || ' complete quarters before to learn from'
            else 'open deals of a kind never seen before'
        end as outlook_note,
        case
            when not is_now then 'no history of the reps’ forecast is delivered'
        end as forecast_note,
        fiscal_year,
        fiscal_quarter,
        cast(won_to_date_amount as decimal(18, 2)) as won_to_date_amount,
        cast(open_amount as decimal(18, 2)) as open_amount,
        cast(open_deals as bigint) as open_deals,
        cast(expected_open_amount as decimal(18, 2)) as expected_open_amount,
        cast(expected_later_amount as decimal(18, 2)) as expected_later_amount,
        cast(outlook_amount as decimal(18, 2)) as outlook_amount,
        cast(case when outlook_amount is not null then low_amount end as decimal(18, 2))
            as low_amount,
        cast(case when outlook_amount is not null then high_amount end as decimal(18, 2))
            as high_amount,
        cast(bookings_amount as decimal(18, 2)) as bookings_amount,
        cast(case when is_now then commit_amount end as decimal(18, 2))
            as forecast_commit_amount,
        cast(case when is_now then best_case_amount end as decimal(18, 2))
            as forecast_best_case_amount,
        cast(case when is_now then pipeline_amount end as decimal(18, 2))
            as forecast_pipeline_amount,
        cast(learned_quarters as bigint) as learned_quarters,
        cast(learned_outlooks as bigint) as learned_outlooks,
        cast(
            sum(case when is_in_range is not null then 1 else 0 end) over (
                partition by opportunity_type
            ) as bigint
        ) as tested_outlooks,
        cast(
            sum(case when is_in_range then 1 else 0 end) over (partition by opportunity_type)
            as bigint
        ) as tested_in_range,
        is_in_range,
        is_complete,
        is_now,
        snapshot_date,
        quarter_start_date,
        quarter_end_date
    from tested

)

select * from final
