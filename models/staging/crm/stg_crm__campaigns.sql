with campaigns as (

    select * from {{ source('crm', 'campaigns') }}

),

final as (

    select
        'crm' as system,
        'campaigns' as object,
        campaigns.campaign_id as record_id,
        campaigns.name as campaign_name,
        campaigns.channel,
        campaigns.audience,
        campaigns.product_id as product_record_id,
        campaigns.message,
        campaigns.budget,
        campaigns.actual_cost,
        campaigns.currency,
        campaigns.expected_responses,
        campaigns.start_date,
        campaigns.end_date,
        campaigns.sales_briefed_at,
        campaigns._modified_at as modified_at,
        campaigns._is_deleted as is_deleted
    from campaigns
    where {{ visible('campaigns') }}

)

select * from final
