with source as (

    select *
    from {{ source('marketing', 'activities') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'marketing' as system,
        'activities' as object,
        activity_id as record_id,
        'contacts' as person_object,
        contact_id as person_record_id,
        visitor_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_record_id,
        cast(null as {{ dbt.type_string() }}) as account_record_id,
        cast(null as {{ dbt.type_string() }}) as owner_record_id,
        type as source_value,
        cast(null as {{ dbt.type_string() }}) as direction,
        cast(null as {{ dbt.type_string() }}) as outcome,
        coalesce(source, {{ url_parameter('url', 'utm_source') }}) as source,
        coalesce(medium, {{ url_parameter('url', 'utm_medium') }}) as medium,
        coalesce(campaign, {{ url_parameter('url', 'utm_campaign') }}) as campaign,
        cast(null as {{ dbt.type_string() }}) as campaign_record_id,
        content_id,
        url,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as reference_system,
        cast(null as {{ dbt.type_string() }}) as logged_as,
        false as is_planned,
        cast(null as {{ dbt.type_float() }}) as duration_minutes,
        occurred_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
