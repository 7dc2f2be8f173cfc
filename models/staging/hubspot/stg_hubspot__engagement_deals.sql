with source as (

    select *
    from {{ source('hubspot', 'engagement_deal') }} as delivered
    where {{ visible('delivered') }}

),

deal_merges as (

    select * from {{ ref('stg_hubspot__merged_deals') }}

),

survived as (

    select
        source.engagement_id as engagement_record_id,
        coalesce(deal_merges.into_record_id, source.deal_id) as deal_record_id,
        max(source._modified_at) as modified_at,
        -- An association stands while any of the merged deals still has it.
        min(case when source._is_deleted then 1 else 0 end) = 1 as is_deleted
    from source
    left join deal_merges on source.deal_id = deal_merges.record_id
    group by
        source.engagement_id,
        coalesce(deal_merges.into_record_id, source.deal_id)

),

final as (

    select
        'hubspot' as system,
        'engagement_deal' as object,
        engagement_record_id || '|' || deal_record_id as record_id,
        engagement_record_id,
        deal_record_id,
        modified_at,
        is_deleted
    from survived

)

select * from final
