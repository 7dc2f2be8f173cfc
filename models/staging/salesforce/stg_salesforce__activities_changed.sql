with tasks as (

    select * from {{ source('salesforce', 'task') }}

),

events as (

    select * from {{ source('salesforce', 'event') }}

),

campaign_members as (

    select * from {{ source('salesforce', 'campaign_member') }}

),

-- Whom and what an activity is about is told by which of these has the id.
related_written as (

    {%- for related in ['lead', 'contact', 'opportunity', 'account'] %}
        select delivered.id as record_id
        from {{ source('salesforce', related) }} as delivered
        where {{ changed_since_last_build('delivered') }}
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}

),

unioned as (

    {%- for object in ['task', 'event'] %}
        select
            '{{ object }}' as object,
            {{ object }}s.id as record_id
        from {{ object }}s
        where
            {{ changed_since_last_build(object ~ 's') }}
            or {{ object }}s.who_id in (select related_written.record_id from related_written)
            or {{ object }}s.what_id in (select related_written.record_id from related_written)

        union all
    {% endfor %}

    -- Whether an event is still to come is for the now to say.
    select
        'event' as object,
        events.id as record_id
    from events
    where
        coalesce(
            events.start_date_time,
            events.activity_date_time,
            cast(events.activity_date as {{ dbt.type_timestamp() }}),
            events.created_date
        ) > {{ previous_as_of() }}

    union all

    select
        'campaign_member' as object,
        campaign_members.id as record_id
    from campaign_members
    where {{ changed_since_last_build('campaign_members') }}

),

final as (

    select distinct
        object,
        record_id
    from unioned

)

select * from final
