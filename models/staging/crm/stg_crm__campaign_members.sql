with campaign_members as (

    select * from {{ source('crm', 'campaign_members') }}

),

final as (

    select
        'crm' as system,
        'campaign_members' as object,
        campaign_members._key as record_id,
        'people' as person_object,
        campaign_members.record_id as person_record_id,
        cast(null as {{ dbt.type_string() }}) as visitor_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_record_id,
        cast(null as {{ dbt.type_string() }}) as account_record_id,
        cast(null as {{ dbt.type_string() }}) as owner_record_id,
        campaign_members.status as source_value,
        cast(null as {{ dbt.type_string() }}) as direction,
        -- Whatever the status is called, its date says whether the person responded.
        case
            when campaign_members.responded_at is not null then 'responded'
        end as outcome,
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as medium,
        cast(null as {{ dbt.type_string() }}) as campaign,
        campaign_members.campaign_id as campaign_record_id,
        cast(null as {{ dbt.type_string() }}) as content_id,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as reference_system,
        cast(null as {{ dbt.type_string() }}) as logged_as,
        false as is_planned,
        cast(null as decimal(18, 2)) as duration_minutes,
        coalesce(
            campaign_members.responded_at,
            campaign_members.created_at,
            campaign_members._modified_at
        ) as occurred_at,
        campaign_members._modified_at as modified_at,
        campaign_members._is_deleted as is_deleted
    from campaign_members
    where {{ visible('campaign_members') }}

)

select * from final
