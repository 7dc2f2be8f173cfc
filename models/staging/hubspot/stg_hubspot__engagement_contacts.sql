with source as (

    select *
    from {{ source('hubspot', 'engagement_contact') }} as delivered
    where {{ visible('delivered') }}

),

contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

survived as (

    select
        source.engagement_id as engagement_record_id,
        coalesce(contact_merges.into_record_id, source.contact_id) as person_record_id,
        max(source._modified_at) as modified_at,
        -- An association stands while any of the merged contacts still has it.
        min(case when source._is_deleted then 1 else 0 end) = 1 as is_deleted
    from source
    left join contact_merges on source.contact_id = contact_merges.record_id
    group by
        source.engagement_id,
        coalesce(contact_merges.into_record_id, source.contact_id)

),

final as (

    select
        'hubspot' as system,
        'engagement_contact' as object,
        engagement_record_id || '|' || person_record_id as record_id,
        engagement_record_id,
        person_record_id,
        modified_at,
        is_deleted
    from survived

)

select * from final
