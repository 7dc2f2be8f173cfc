{{ config(materialized='table') }}

with recursive contacts as (

    select *
    from {{ source('hubspot', 'contact') }} as delivered
    where
        {{ visible('delivered') }}
        and delivered.hs_merged_object_ids is not null

),

audit as (

    select *
    from {{ source('hubspot', 'contact_merge_audit') }} as delivered
    where {{ visible('delivered') }}

),

listed as (

    select
        contacts.id as into_record_id,
        contacts._modified_at as modified_at,
        {{ split_to_rows('contacts.hs_merged_object_ids', ';') }} as merged_id
    from contacts

),

evidence as (

    select
        audit.vid_to_merge as record_id,
        audit.canonical_vid as into_record_id,
        audit.timestamp as merged_at,
        audit._modified_at as modified_at
    from audit
    where not audit._is_deleted

    union all

    select
        trim(listed.merged_id) as record_id,
        listed.into_record_id,
        cast(null as {{ dbt.type_timestamp() }}) as merged_at,
        listed.modified_at
    from listed
    where trim(listed.merged_id) not in ('', listed.into_record_id)

),

ranked as (

    select
        record_id,
        into_record_id,
        -- The audit knows when; the list on the survivor does not.
        min(merged_at) over (partition by record_id) as merged_at,
        modified_at,
        row_number() over (
            partition by record_id
            order by merged_at desc nulls last, into_record_id asc, modified_at desc nulls last
        ) as evidence_rank
    from evidence

),

pointers as (

    select
        record_id,
        into_record_id,
        merged_at,
        modified_at
    from ranked
    where evidence_rank = 1

),

{{ merges_followed('pointers') }},

final as (

    select
        'hubspot' as system,
        'contact' as object,
        pointers.record_id,
        survivors.into_record_id,
        pointers.merged_at,
        pointers.modified_at,
        false as is_deleted
    from pointers
    inner join survivors
        on
            pointers.record_id = survivors.record_id
            and survivors.survivor_rank = 1

)

select * from final
