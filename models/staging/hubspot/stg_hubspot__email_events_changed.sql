with events as (

    select * from {{ source('hubspot', 'email_event') }}

),

clicks as (

    select * from {{ source('hubspot', 'email_event_click') }}

),

opens as (

    select * from {{ source('hubspot', 'email_event_open') }}

),

unioned as (

    select events.id as record_id
    from events
    where {{ changed_since_last_build('events') }}

    union all

    select clicks.id as record_id
    from clicks
    where {{ changed_since_last_build('clicks') }}

    union all

    select opens.id as record_id
    from opens
    where {{ changed_since_last_build('opens') }}

),

final as (

    select distinct record_id
    from unioned

)

select * from final
