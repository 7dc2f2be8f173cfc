with campaigns as (

    select * from {{ source('salesforce', 'campaign') }}

),

{{ versions_as_of('campaigns', 'created_date') }},

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
        case when not campaigns.is_rebuilt then campaigns._modified_at end as modified_at,
        (
            not campaigns.is_rebuilt
            and (campaigns._is_deleted or not coalesce(campaigns._fivetran_active, true))
        ) as is_deleted
    from campaigns_as_of as campaigns

)

select * from final
