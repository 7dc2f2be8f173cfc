with contacts as (

    select * from {{ source('salesforce', 'contact') }}

),

histories as (

    select * from {{ ref('stg_salesforce__contact_histories_uncut') }}

),

{{ versions_as_of('contacts', 'created_date') }},

values_then as (

    {{ values_before_changes(
        'histories',
        [
            'email',
            'title',
            'country',
            'account_record_id',
            'owner_record_id',
            'source',
            'status',
            'status_reason',
        ]
    ) }}

),

final as (

    select
        'salesforce' as system,
        'contact' as object,
        contacts.id as record_id,
        'contact' as record_type,
        {{ value_as_of('contacts', 'email', 'email') }} as email,
        coalesce(contacts.phone, contacts.mobile_phone) as phone,
        contacts.first_name,
        contacts.last_name,
        {{ value_as_of('contacts', 'title', 'title') }} as title,
        cast(null as {{ dbt.type_string() }}) as company,
        cast(null as {{ dbt.type_string() }}) as website,
        cast(null as {{ dbt.type_string() }}) as industry,
        cast(null as {{ dbt.type_bigint() }}) as employees,
        case
            when contacts.is_rebuilt and values_then.has_country then values_then.country
            else coalesce(contacts.mailing_country, contacts.mailing_country_code)
        end as country,
        {{ value_as_of('contacts', 'account_id', 'account_record_id') }} as account_record_id,
        {{ value_as_of('contacts', 'owner_id', 'owner_record_id') }} as owner_record_id,
        {{ value_as_of('contacts', 'lead_source', 'source') }} as source,
        contacts.self_reported_source,
        {{ value_as_of('contacts', 'status', 'status') }} as status,
        {{ value_as_of('contacts', 'status_reason', 'status_reason') }} as status_reason,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        cast(null as {{ dbt.type_string() }}) as rating,
        cast(null as {{ dbt.type_string() }}) as crm_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_opportunity_record_id,
        case when not contacts.is_rebuilt then contacts.master_record_id end
            as merged_into_record_id,
        cast(null as {{ dbt.type_timestamp() }}) as converted_at,
        case
            when not contacts.is_rebuilt or contacts.handed_over_at <= {{ as_of() }}
                then contacts.handed_over_at
        end as handed_over_at,
        case
            when not contacts.is_rebuilt or contacts.opted_out_at <= {{ as_of() }}
                then contacts.opted_out_at
        end as opted_out_at,
        contacts.created_date as created_at,
        case when not contacts.is_rebuilt then contacts._modified_at end as modified_at,
        (
            not contacts.is_rebuilt
            and (contacts._is_deleted or not coalesce(contacts._fivetran_active, true))
        ) as is_deleted
    from contacts_as_of as contacts
    left join values_then
        on contacts.id = values_then.record_id

)

select * from final
