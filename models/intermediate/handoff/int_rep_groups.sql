{%- set visibility = var('rep_visibility', 'team') -%}

with users as (

    select * from {{ ref('int_user_records_unioned') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

-- Who can own a lead or a deal today, each human once.
humans as (

    select
        coalesce(lower(users.email), users.record_key) as human,
        min(users.team) as team
    from users
    inner join crm_systems on users.system = crm_systems.system
    where
        not coalesce(users.is_queue, false)
        and coalesce(users.is_active, true)
        and not users.is_deleted
    group by coalesce(lower(users.email), users.record_key)

),

teams as (

    select
        team,
        count(*) as members,
        row_number() over (order by count(*), team) as size_rank
    from humans
    where team is not null
    group by team
    having count(*) >= {{ var('rep_minimum_group', 5) }}

),

unnamed as (

    select count(*) as members
    from humans
    left join teams on humans.team = teams.team
    where teams.team is null

),

-- A few who stand in no named team would be known as the rest of all: then the smallest named team
-- joins them.
named as (

    select teams.team
    from teams
    where
        teams.size_rank > case
            when
                (select unnamed.members from unnamed)
                between 1 and {{ var('rep_minimum_group', 5) }} - 1
                then 1
            else 0
        end

),

ranked as (

    select
        users.system || ':' || users.record_id as rep_id,
        {% if visibility == 'rep' %}
            users.team as rep_group,
        {% elif visibility == 'off' %}
            cast(null as {{ dbt.type_string() }}) as rep_group,
        {% else %}
            named.team as rep_group,
        {% endif %}
        row_number() over (
            partition by users.system, users.record_id
            order by case when users.team is null then 1 else 0 end, users.object
        ) as preference
    from users
    left join named on users.team = named.team

),

final as (

    select
        rep_id,
        rep_group
    from ranked
    where preference = 1

)

select * from final
