with source as (

    select *
    from {{ source('hubspot', 'deal_contact') }} as delivered
    where {{ visible('delivered') }}

),

contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

deal_merges as (

    select * from {{ ref('stg_hubspot__merged_deals') }}

),

survived as (

    select
        coalesce(deal_merges.into_record_id, source.deal_id) as deal_record_id,
        coalesce(contact_merges.into_record_id, source.contact_id) as person_record_id,
        min(source.role) as role,
        max(case when source.is_primary then 1 else 0 end) = 1 as is_named_primary,
        max(source._modified_at) as modified_at,
        -- An association stands while any of the merged records still has it.
        min(case when source._is_deleted then 1 else 0 end) = 1 as is_deleted
    from source
    left join contact_merges on source.contact_id = contact_merges.record_id
    left join deal_merges on source.deal_id = deal_merges.record_id
    group by
        coalesce(deal_merges.into_record_id, source.deal_id),
        coalesce(contact_merges.into_record_id, source.contact_id)

),

ranked as (

    select
        *,
        row_number() over (
            partition by deal_record_id
            order by is_deleted asc, is_named_primary desc, person_record_id asc
        ) as contact_rank,
        count(*) over (partition by deal_record_id) as contacts_of_deal
    from survived

),

final as (

    select
        'hubspot' as system,
        'deal' as object,
        deal_record_id as record_id,
        deal_record_id || '|' || person_record_id as association_id,
        'hubspot' as person_system,
        'contact' as person_object,
        person_record_id,
        role,
        -- Where the extract names no first contact, only a deal's sole contact is surely the first.
        contact_rank = 1
        and not is_deleted
        and (is_named_primary or contacts_of_deal = 1) as is_primary,
        modified_at,
        is_deleted
    from ranked

)

select * from final
