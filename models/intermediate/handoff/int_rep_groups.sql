{%- set visibility = var('rep_visibility', 'team') -%}
{%- set minimum_group = var('rep_minimum_group', 5) -%}

with users as (

    select * from {{ ref('int_user_records_unioned') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

owner_spells as (

    select * from {{ ref('int_handoff_owner_spells') }}

),

activities as (

    select * from {{ ref('int_activities') }}

),

-- Who can own a lead or a deal, each human once; who left owns what they owned then.
humans as (

    select
        coalesce(lower(users.email), users.record_key) as human,
        min(users.team) as team,
        min(users.region) as region,
        max(case when coalesce(users.is_active, true) and not users.is_deleted then 1 else 0 end)
            as active_members
    from users
    inner join crm_systems on users.system = crm_systems.system
    where not coalesce(users.is_queue, false)
    group by coalesce(lower(users.email), users.record_key)

),

owners as (

    select rep_id from opportunity_states

    union

    select rep_id from owner_spells

    union

    select rep_id from activities

),

-- An owner who was never delivered as a user stands in no team, and is somebody all the same.
strangers as (

    select
        owners.rep_id as human,
        cast(null as {{ dbt.type_string() }}) as team,
        cast(null as {{ dbt.type_string() }}) as region,
        0 as active_members
    from owners
    inner join crm_systems
        on {{ dbt.split_part('owners.rep_id', "':'", 1) }} = crm_systems.system
    left join users on owners.rep_id = users.system || ':' || users.record_id
    where users.record_id is null

),

people as (

    select * from humans

    union all

    select * from strangers

),

teams as (

    select
        team,
        row_number() over (order by sum(active_members), team) as size_rank
    from people
    where team is not null
    group by team
    having sum(active_members) >= {{ minimum_group }}

),

unnamed as (

    select
        count(*) as members,
        coalesce(sum(people.active_members), 0) as active_members
    from people
    left join teams on people.team = teams.team
    where teams.team is null

),

-- A few who stand in no named team would be known as the rest of all: then the smallest named team
-- joins them. A few are they now or ever: the past is published too.
named as (

    select teams.team
    from teams
    where
        teams.size_rank > case
            when
                (select unnamed.members from unnamed) between 1 and {{ minimum_group }} - 1
                or (select unnamed.active_members from unnamed)
                between 1 and {{ minimum_group }} - 1
                then 1
            else 0
        end

),

-- The same once more inside each team, and inside the rest, for the regions of its people.
grouped_people as (

    select
        coalesce(named.team, '') as rep_group,
        people.region,
        people.active_members
    from people
    left join named on people.team = named.team

),

group_regions as (

    select
        rep_group,
        region,
        row_number() over (
            partition by rep_group order by sum(active_members), region
        ) as size_rank
    from grouped_people
    where region is not null
    group by rep_group, region
    having sum(active_members) >= {{ minimum_group }}

),

unnamed_in_groups as (

    select
        grouped_people.rep_group,
        count(*) as members,
        sum(grouped_people.active_members) as active_members
    from grouped_people
    left join group_regions
        on
            grouped_people.rep_group = group_regions.rep_group
            and grouped_people.region = group_regions.region
    where group_regions.region is null
    group by grouped_people.rep_group

),

named_regions as (

    select
        group_regions.rep_group,
        group_regions.region
    from group_regions
    left join unnamed_in_groups on group_regions.rep_group = unnamed_in_groups.rep_group
    where
        group_regions.size_rank > case
            when
                unnamed_in_groups.members between 1 and {{ minimum_group }} - 1
                or unnamed_in_groups.active_members between 1 and {{ minimum_group }} - 1
                then 1
            else 0
        end

),

ranked as (

    select
        users.system || ':' || users.record_id as rep_id,
        {% if visibility == 'rep' %}
            users.team as rep_group,
            users.region as rep_region,
        {% elif visibility == 'off' %}
            cast(null as {{ dbt.type_string() }}) as rep_group,
            cast(null as {{ dbt.type_string() }}) as rep_region,
        {% else %}
            named.team as rep_group,
            named_regions.region as rep_region,
        {% endif %}
        row_number() over (
            partition by users.system, users.record_id
            order by case when users.team is null then 1 else 0 end, users.object
        ) as preference
    from users
    left join named on users.team = named.team
    left join named_regions
        on
            coalesce(named.team, '') = named_regions.rep_group
            and users.region = named_regions.region

),

final as (

    select
        rep_id,
        rep_group,
        rep_region
    from ranked
    where preference = 1

)

select * from final
