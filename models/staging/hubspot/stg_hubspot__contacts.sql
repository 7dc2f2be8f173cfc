with contacts as (

    select * from {{ source('hubspot', 'contact') }}

),

histories as (

    select * from {{ ref('stg_hubspot__contact_histories_uncut') }}

),

contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

{{ versions_as_of('contacts', 'createdate') }},

values_then as (

    {{ values_before_changes(
        'histories',
        [
            'email',
            'phone',
            'first_name',
            'last_name',
            'title',
            'company',
            'website',
            'industry',
            'employees',
            'country',
            'account_record_id',
            'owner_record_id',
            'source',
            'self_reported_source',
            'status',
            'status_reason',
            'lifecycle_stage',
            'rating',
            'salesforcecontactid',
            'salesforceleadid',
        ]
    ) }}

),

final as (

    select
        'hubspot' as system,
        'contact' as object,
        contacts.id as record_id,
        'contact' as record_type,
        {{ value_as_of('contacts', 'email', 'email') }} as email,
        {{ value_as_of('contacts', 'phone', 'phone') }} as phone,
        {{ value_as_of('contacts', 'firstname', 'first_name') }} as first_name,
        {{ value_as_of('contacts', 'lastname', 'last_name') }} as last_name,
        {{ value_as_of('contacts', 'jobtitle', 'title') }} as title,
        {{ value_as_of('contacts', 'company', 'company') }} as company,
        {{ value_as_of('contacts', 'website', 'website') }} as website,
        {{ value_as_of('contacts', 'industry', 'industry') }} as industry,
        case
            when contacts.is_rebuilt and values_then.has_employees
                then {{ dbt.safe_cast('values_then.employees', dbt.type_bigint()) }}
            else contacts.numberofemployees
        end as employees,
        {{ value_as_of('contacts', 'country', 'country') }} as country,
        {{ value_as_of('contacts', 'associatedcompanyid', 'account_record_id') }}
            as account_record_id,
        {{ value_as_of('contacts', 'hubspot_owner_id', 'owner_record_id') }} as owner_record_id,
        {{ value_as_of('contacts', 'hs_analytics_source', 'source') }} as source,
        {{ value_as_of('contacts', 'self_reported_source', 'self_reported_source') }}
            as self_reported_source,
        {{ value_as_of('contacts', 'hs_lead_status', 'status') }} as status,
        {{ value_as_of('contacts', 'lead_status_reason', 'status_reason') }} as status_reason,
        {{ value_as_of('contacts', 'lifecyclestage', 'lifecycle_stage') }} as lifecycle_stage,
        {{ value_as_of('contacts', 'lead_rating', 'rating') }} as rating,
        coalesce(
            {{ value_as_of('contacts', 'salesforcecontactid', 'salesforcecontactid') }},
            {{ value_as_of('contacts', 'salesforceleadid', 'salesforceleadid') }}
        ) as crm_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_opportunity_record_id,
        contact_merges.into_record_id as merged_into_record_id,
        cast(null as {{ dbt.type_timestamp() }}) as converted_at,
        case
            when not contacts.is_rebuilt or contacts.handed_over_at <= {{ as_of() }}
                then contacts.handed_over_at
        end as handed_over_at,
        case
            when not contacts.is_rebuilt or contacts.hs_email_optout_at <= {{ as_of() }}
                then contacts.hs_email_optout_at
        end as opted_out_at,
        contacts.createdate as created_at,
        case when not contacts.is_rebuilt then contacts._modified_at end as modified_at,
        not contacts.is_rebuilt and contacts._is_deleted as is_deleted
    from contacts_as_of as contacts
    left join values_then on contacts.id = values_then.record_id
    left join contact_merges on contacts.id = contact_merges.record_id

)

select * from final
