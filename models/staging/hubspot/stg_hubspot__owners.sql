with source as (

    select *
    from {{ source('hubspot', 'owner') }} as delivered
    where {{ visible('delivered') }}

),

owner_teams as (

    select * from {{ ref('stg_hubspot__owner_teams') }}

),

teams as (

    select * from {{ ref('stg_hubspot__teams') }}

),

users as (

    select * from {{ ref('stg_hubspot__users') }}

),

roles as (

    select * from {{ ref('stg_hubspot__roles') }}

),

ranked_teams as (

    select
        owner_record_id,
        team_record_id,
        row_number() over (
            partition by owner_record_id
            order by is_primary desc, team_record_id asc
        ) as team_rank
    from owner_teams
    where not is_deleted

),

final as (

    select
        'hubspot' as system,
        'owner' as object,
        source.owner_id as record_id,
        nullif(trim(concat_ws(' ', source.first_name, source.last_name)), '') as user_name,
        source.email,
        roles.role_name as role,
        teams.team_name as team,
        cast(null as {{ dbt.type_string() }}) as region,
        cast(null as {{ dbt.type_string() }}) as time_zone,
        coalesce(upper(source.type) = 'QUEUE', false) as is_queue,
        coalesce(source.is_active, true) and not source._is_deleted as is_active,
        source._modified_at as modified_at,
        source._is_deleted as is_deleted
    from source
    left join ranked_teams
        on
            source.owner_id = ranked_teams.owner_record_id
            and ranked_teams.team_rank = 1
    left join users on source.active_user_id = users.record_id
    left join roles on users.role_record_id = roles.record_id
    left join teams on coalesce(ranked_teams.team_record_id, users.team_record_id) = teams.record_id

)

select * from final
