with hubspot_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

merged_records as (

    select
        system,
        object,
        record_id,
        merged_into_record_id,
        modified_at
    from person_records
    where
        merged_into_record_id is not null
        and merged_into_record_id <> record_id
        -- HubSpot's own list already has these, also for contacts that are no longer delivered.
        and system <> 'hubspot'

),

unioned as (

    select
        system,
        object,
        record_id,
        into_record_id,
        merged_at,
        modified_at
    from hubspot_merges

    union all

    select
        system,
        object,
        record_id,
        merged_into_record_id as into_record_id,
        cast(null as {{ dbt.type_timestamp() }}) as merged_at,
        modified_at
    from merged_records

),

final as (

    select
        system || ':' || object || ':' || record_id as record_key,
        system,
        object,
        record_id,
        into_record_id,
        merged_at,
        modified_at,
        false as is_deleted
    from unioned

)

select * from final
