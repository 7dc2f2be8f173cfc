with campaigns as (

    select * from {{ source('salesforce', 'campaign') }}

),

final as (

    select
        'salesforce' as system,
        'campaign' as object,
        campaigns.id as record_id,
        campaigns.name as campaign_name,
        campaigns.type as channel,
        campaigns.audience,
        campaigns.product as product_record_id,
        campaigns.message,
        campaigns.budgeted_cost as budget,
        campaigns.actual_cost,
        campaigns.currency_iso_code as currency,
        campaigns.expected_response as expected_responses,
        campaigns.start_date,
        campaigns.end_date,
        campaigns.sales_briefed_at,
        campaigns.created_date as created_at,
        campaigns._modified_at as modified_at,
        (
            campaigns._is_deleted
            or not coalesce(campaigns._fivetran_active, true)
        ) as is_deleted
    from campaigns
    where {{ visible('campaigns') }}

)

select * from final
