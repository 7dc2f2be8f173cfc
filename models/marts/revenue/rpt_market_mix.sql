with won_lines as (

    select * from {{ ref('fct_won_lines') }}

),

final as (

    select
        {{ dbt.hash(
            "product_family || '|' || product_name || '|' || region || '|' || segment || '|'"
            " || channel || '|' || opportunity_type || '|' || cast("
            ~ month_start('closed_date') ~ " as " ~ dbt.type_string() ~ ")"
        ) }} as market_mix_id,
        product_family,
        product_name,
        region,
        segment,
        channel,
        opportunity_type,
        cast(sum(booked_amount) as decimal(18, 2)) as booked_amount,
        cast(
            sum(case when list_amount is not null then line_amount else 0 end) as decimal(18, 2)
        ) as realised_amount,
        cast(sum(coalesce(list_amount, 0)) as decimal(18, 2)) as list_amount,
        cast(
            sum(case when list_amount is not null then line_amount else 0 end) as double
        )
        / nullif(sum(coalesce(list_amount, 0)), 0) as price_realisation,
        cast(sum(coalesce(quantity, 0)) as decimal(18, 4)) as quantity,
        count(line_id) as lines,
        cast(sum(case when list_amount is not null then 1 else 0 end) as bigint)
            as priced_lines,
        cast(sum(opportunity_count) as bigint) as opportunities,
        count(distinct opportunity_id) as opportunities_with_product,
        {{ month_start('closed_date') }} as period_month
    from won_lines
    group by
        product_family,
        product_name,
        region,
        segment,
        channel,
        opportunity_type,
        {{ month_start('closed_date') }}

)

select * from final
