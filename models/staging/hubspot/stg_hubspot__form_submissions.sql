with source as (

    select *
    from {{ source('hubspot', 'contact_form_submission') }} as delivered
    where {{ visible('delivered') }}

),

forms as (

    select * from {{ ref('stg_hubspot__forms') }}

),

contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

final as (

    select
        'hubspot' as system,
        'contact_form_submission' as object,
        source.conversion_id as record_id,
        'contact' as person_object,
        coalesce(contact_merges.into_record_id, source.contact_id) as person_record_id,
        source.visitor_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_record_id,
        cast(null as {{ dbt.type_string() }}) as account_record_id,
        cast(null as {{ dbt.type_string() }}) as owner_record_id,
        coalesce(forms.form_name, source.title, source.form_id) as source_value,
        'inbound' as direction,
        cast(null as {{ dbt.type_string() }}) as outcome,
        {{ url_parameter('source.page_url', 'utm_source') }} as source,
        {{ url_parameter('source.page_url', 'utm_medium') }} as medium,
        {{ url_parameter('source.page_url', 'utm_campaign') }} as campaign,
        cast(null as {{ dbt.type_string() }}) as campaign_record_id,
        source.content_id,
        source.page_url as url,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as reference_system,
        cast(null as {{ dbt.type_string() }}) as logged_as,
        false as is_planned,
        cast(null as {{ dbt.type_float() }}) as duration_minutes,
        source.timestamp as occurred_at,
        source._modified_at as modified_at,
        source._is_deleted as is_deleted
    from source
    left join forms on source.form_id = forms.record_id
    left join contact_merges on source.contact_id = contact_merges.record_id

)

select * from final
