with campaign_members as (

    select * from {{ source('salesforce', 'campaign_member') }}

),

final as (

    select
        'salesforce' as system,
        'campaign_member' as object,
        campaign_members.id as record_id,
        -- A member converted from lead to contact keeps both ids: the contact is the record in
        -- force.
        case
            when campaign_members.contact_id is not null then 'contact'
            when campaign_members.lead_id is not null then 'lead'
        end as person_object,
        coalesce(campaign_members.contact_id, campaign_members.lead_id) as person_record_id,
        cast(null as {{ dbt.type_string() }}) as visitor_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_record_id,
        cast(null as {{ dbt.type_string() }}) as account_record_id,
        cast(null as {{ dbt.type_string() }}) as owner_record_id,
        campaign_members.status as source_value,
        cast(null as {{ dbt.type_string() }}) as direction,
        -- Whatever the status is called, the system says whether it is a response.
        case
            when
                campaign_members.has_responded
                or campaign_members.first_responded_date is not null
                then 'responded'
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
            campaign_members.first_responded_date,
            campaign_members.created_date
        ) as occurred_at,
        campaign_members._modified_at as modified_at,
        (
            campaign_members._is_deleted
            or not coalesce(campaign_members._fivetran_active, true)
        ) as is_deleted
    from campaign_members
    where {{ visible('campaign_members') }}

)

select * from final
