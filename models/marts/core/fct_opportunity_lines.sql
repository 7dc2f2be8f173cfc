with opportunity_line_records as (

    select * from {{ ref('int_opportunity_line_records_unioned') }}

),

product_records as (

    select * from {{ ref('int_product_records_unioned') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

priced as (

    select
        opportunity_line_records.system || ':' || opportunity_line_records.record_id as line_id,
        opportunities.opportunity_id,
        opportunity_line_records.system || ':' || opportunity_line_records.product_record_id
            as product_id,
        opportunity_line_records.system,
        opportunity_line_records.record_id,
        opportunities.original_currency,
        opportunities.fx_rate,
        cast(opportunity_line_records.quantity as decimal(12, 4)) as quantity,
        cast(opportunity_line_records.unit_price as decimal(19, 4)) as unit_price,
        cast(coalesce(opportunity_line_records.discount, 0) as decimal(9, 6)) as discount,
        -- A list price in another currency cannot be compared, so it is none.
        cast(
            coalesce(
                opportunity_line_records.list_price,
                case
                    when
                        upper(coalesce(product_records.currency, opportunities.original_currency))
                        = opportunities.original_currency
                        then product_records.list_price
                end
            )
            as decimal(19, 4)
        ) as list_price
    from opportunity_line_records
    inner join opportunities
        on
            opportunity_line_records.system || ':' || opportunity_line_records.opportunity_record_id
            = opportunities.opportunity_id
    left join product_records
        on
            opportunity_line_records.system = product_records.system
            and opportunity_line_records.product_record_id = product_records.record_id
    where not opportunity_line_records.is_deleted

),

totalled as (

    select
        line_id,
        opportunity_id,
        product_id,
        system,
        record_id,
        original_currency,
        fx_rate,
        quantity,
        unit_price,
        discount,
        list_price,
        cast(quantity * unit_price as decimal(26, 8)) * (1 - discount) as line_total
    from priced

),

final as (

    select
        line_id,
        opportunity_id,
        product_id,
        system,
        record_id,
        original_currency,
        quantity,
        {{ convert_money('unit_price', 'fx_rate') }} as unit_price,
        cast(unit_price as decimal(18, 2)) as original_unit_price,
        {{ convert_money('list_price', 'fx_rate') }} as list_price,
        cast(list_price as decimal(18, 2)) as original_list_price,
        cast(
            case
                when list_price > 0 then 1 - unit_price * (1 - discount) / list_price
                else discount
            end
            as decimal(18, 6)
        ) as discount_rate,
        {{ convert_money('line_total', 'fx_rate') }} as amount,
        cast(line_total as decimal(18, 2)) as original_amount
    from totalled

)

select * from final
