with opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

opportunity_lines as (

    select * from {{ ref('fct_opportunity_lines') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

promotions as (

    select
        opportunity_id,
        min(channel) as channel
    from lead_cycles
    where opportunity_id is not null
    group by opportunity_id

),

weighed as (

    select
        opportunities.opportunity_id,
        opportunity_lines.line_id,
        opportunity_lines.product_id,
        opportunity_lines.quantity,
        opportunity_lines.amount as line_amount,
        case
            when opportunity_lines.list_price > 0 and opportunity_lines.amount is not null
                then opportunity_lines.quantity * opportunity_lines.list_price
        end as list_amount,
        coalesce(opportunities.amount, 0) as opportunity_amount,
        cast(
            case
                when
                    sum(greatest(coalesce(opportunity_lines.amount, 0), 0)) over (
                        partition by opportunities.opportunity_id
                    ) > 0
                    then greatest(coalesce(opportunity_lines.amount, 0), 0)
                -- Lines without prices share equally, and so does a deal without lines with itself.
                else 1
            end
            as decimal(18, 2)
        ) as weight,
        row_number() over (
            partition by opportunities.opportunity_id order by opportunity_lines.line_id asc
        ) as line_number
    from opportunities
    left join opportunity_lines
        on opportunities.opportunity_id = opportunity_lines.opportunity_id
    where opportunities.is_won

),

-- The deal's amount up to and with a line less that before it: cents add up without a remainder.
running as (

    select
        *,
        sum(weight) over (
            partition by opportunity_id
            order by line_number asc
            rows between unbounded preceding and current row
        ) as weight_so_far,
        sum(weight) over (partition by opportunity_id) as weight_in_all
    from weighed

),

shared as (

    select
        *,
        case
            when weight_so_far = weight_in_all then opportunity_amount
            else
                cast(
                    cast(opportunity_amount as double) * weight_so_far / weight_in_all
                    as decimal(18, 2)
                )
        end as amount_so_far
    from running

),

final as (

    select
        shared.opportunity_id
        || ':'
        || cast(shared.line_number as {{ dbt.type_string() }}) as won_line_id,
        shared.opportunity_id,
        shared.line_id,
        opportunities.account_id,
        shared.product_id,
        opportunities.campaign_id,
        coalesce(
            products.product_name,
            case when shared.line_id is null then '(no lines)' else '(unknown)' end
        ) as product_name,
        coalesce(
            products.family,
            case when shared.line_id is null then '(no lines)' else '(unknown)' end
        ) as product_family,
        coalesce(promotions.channel, '(unknown)') as channel,
        opportunities.opportunity_type,
        coalesce(opportunities.segment, '(unknown)') as segment,
        coalesce(opportunities.region, '(unknown)') as region,
        cast(shared.quantity as decimal(12, 4)) as quantity,
        cast(shared.line_amount as decimal(18, 2)) as line_amount,
        cast(shared.list_amount as decimal(18, 2)) as list_amount,
        cast(
            shared.amount_so_far
            - coalesce(
                lag(shared.amount_so_far) over (
                    partition by shared.opportunity_id order by shared.line_number asc
                ),
                0
            )
            as decimal(18, 2)
        ) as booked_amount,
        cast(case when shared.line_number = 1 then 1 else 0 end as integer)
            as opportunity_count,
        opportunities.closed_date
    from shared
    inner join opportunities
        on shared.opportunity_id = opportunities.opportunity_id
    left join products
        on shared.product_id = products.product_id
    left join promotions
        on shared.opportunity_id = promotions.opportunity_id

)

select * from final
