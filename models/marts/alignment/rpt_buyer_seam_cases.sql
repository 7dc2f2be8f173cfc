{%- set listed = var('seam_cases_listed', 25) -%}

with seams as (

    select * from {{ ref('fct_buyer_seams') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

ranked as (

    select
        seams.*,
        dates.fiscal_quarter_start_date as quarter_start_date,
        row_number() over (
            partition by seams.seam, dates.fiscal_quarter_start_date
            order by seams.money desc, seams.extent desc, seams.seam_id asc
        ) as place
    from seams
    inner join dates on seams.seam_date = dates.date_day
    where seams.is_case

),

final as (

    select
        ranked.seam_id,
        ranked.seam,
        ranked.rep_id,
        ranked.owner_team,
        ranked.account_id,
        accounts.account_name,
        ranked.opportunity_id,
        opportunities.opportunity_name,
        opportunities.system,
        opportunities.object,
        opportunities.record_id,
        cast(ranked.place as integer) as place,
        ranked.extent,
        ranked.money,
        ranked.seam_date,
        ranked.quarter_start_date
    from ranked
    left join accounts on ranked.account_id = accounts.account_id
    left join opportunities on ranked.opportunity_id = opportunities.opportunity_id
    where ranked.place <= {{ listed }}

)

select * from final
