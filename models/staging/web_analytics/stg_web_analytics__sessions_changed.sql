with sessions as (

    select * from {{ source('web_analytics', 'sessions') }}

),

final as (

    select distinct sessions.session_id as record_id
    from sessions
    where {{ changed_since_last_build('sessions') }}

)

select * from final
