with conversions as (

    select * from {{ ref('fct_conversions') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

won as (

    select
        opportunities.opportunity_id,
        opportunities.system,
        opportunities.object,
        opportunities.record_id,
        opportunities.opportunity_name,
        accounts.account_name,
        coalesce(conversions.segment, '(unknown)') as segment,
        coalesce(conversions.region, '(unknown)') as region,
        conversions.teams_involved,
        conversions.first_team,
        conversions.value,
        conversions.marketing_touches,
        conversions.sales_touches,
        conversions.converted_date as won_date,
        dates.fiscal_quarter_start_date
    from conversions
    inner join opportunities on conversions.opportunity_id = opportunities.opportunity_id
    inner join dates on conversions.converted_date = dates.date_day
    left join accounts on conversions.account_id = accounts.account_id
    where conversions.conversion_type = 'won'

),

-- The largest ten of every slice: whatever is filtered, the largest ten of it are among them.
ranked as (

    select
        *,
        row_number() over (
            partition by fiscal_quarter_start_date, segment, region
            order by value desc, opportunity_id asc
        ) as place
    from won

),

final as (

    select
        opportunity_id,
        system,
        object,
        record_id,
        opportunity_name,
        account_name,
        segment,
        region,
        teams_involved,
        first_team,
        value,
        marketing_touches,
        sales_touches,
        cast(place as integer) as place,
        won_date,
        fiscal_quarter_start_date
    from ranked
    where place <= 10

)

select * from final
