with content_records as (

    select * from {{ ref('int_content_records_unioned') }}

),

content_jobs as (

    select * from {{ ref('content_jobs') }}

),

activities as (

    select * from {{ ref('int_activities') }}

),

delivered as (

    select
        content_id,
        system,
        title,
        job,
        team,
        published_at,
        is_deleted,
        row_number() over (
            partition by content_id
            order by is_deleted asc, modified_at desc nulls last, system asc, record_id asc
        ) as recency
    from content_records
    where content_id is not null

),

-- Content that was used but that no system describes is in, so that no use of it is lost.
known as (

    select content_id from delivered

    union

    select content_id from content_jobs

    union

    select content_id from activities
    where content_id is not null

),

final as (

    select
        known.content_id,
        delivered.system,
        delivered.title,
        coalesce(lower(delivered.job), content_jobs.job) as job,
        coalesce(lower(delivered.team), content_jobs.team) as team,
        delivered.content_id is not null and not delivered.is_deleted as is_delivered,
        cast(delivered.published_at as timestamp) as published_at
    from known
    left join delivered
        on
            known.content_id = delivered.content_id
            and delivered.recency = 1
    left join content_jobs
        on known.content_id = content_jobs.content_id

)

select * from final
