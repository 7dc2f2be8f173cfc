with source as (

    select *
    from {{ source('web_analytics', 'sessions') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'web_analytics' as system,
        'sessions' as object,
        session_id as record_id,
        cast(null as {{ dbt.type_string() }}) as person_object,
        cast(null as {{ dbt.type_string() }}) as person_record_id,
        visitor_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_record_id,
        cast(null as {{ dbt.type_string() }}) as account_record_id,
        cast(null as {{ dbt.type_string() }}) as owner_record_id,
        lower(
            coalesce(medium, {{ url_parameter('landing_url', 'utm_medium') }}, '(none)')
        ) as source_value,
        'inbound' as direction,
        cast(null as {{ dbt.type_string() }}) as outcome,
        coalesce(source, {{ url_parameter('landing_url', 'utm_source') }}) as source,
        coalesce(medium, {{ url_parameter('landing_url', 'utm_medium') }}) as medium,
        coalesce(campaign, {{ url_parameter('landing_url', 'utm_campaign') }}) as campaign,
        cast(null as {{ dbt.type_string() }}) as campaign_record_id,
        content_id,
        landing_url as url,
        user_agent,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as reference_system,
        cast(null as {{ dbt.type_string() }}) as logged_as,
        false as is_planned,
        cast(
            {{ dbt.datediff('started_at', 'ended_at', 'second') }} -- noqa: LT05
            as {{ dbt.type_float() }}
        )
        / 60 as duration_minutes,
        started_at as occurred_at,
        referrer,
        page_views,
        _modified_at as modified_at,
        _is_deleted as is_deleted,
        {{ changed_since_last_build('source') }} as is_changed
    from source

)

select * from final
