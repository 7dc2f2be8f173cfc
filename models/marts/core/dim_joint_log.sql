with joint_log as (

    select * from {{ ref('joint_log') }}

),

final as (

    select
        log_id,
        kind,
        subject,
        entry,
        owner_team,
        closed_on is null as is_open,
        coalesce(closed_on is null and due_on < {{ business_date(as_of()) }}, false) as is_overdue,
        logged_on as logged_date,
        due_on as due_date,
        closed_on as closed_date
    from joint_log
    where logged_on <= {{ business_date(as_of()) }}

)

select * from final
