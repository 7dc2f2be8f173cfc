{#-
    One ordering serves everything: a journey is a run of consecutive places of its party, and a
    transition of the Markov chain is a touch beside the one before it. Parties that never
    converted need no places: int_channel_transitions counts theirs without keeping them.
-#}

with activities as (

    select * from {{ ref('int_activities') }}

),

people as (

    select * from {{ ref('int_people') }}

),

conversions as (

    select * from {{ ref('int_conversions') }}

),

parties as (

    select distinct party_id
    from conversions
    where party_id is not null

),

all_people as (

    select
        people.person_id,
        {{ touch_party('people') }} as party_id
    from people

),

people_of_parties as (

    select
        all_people.person_id,
        parties.party_id
    from all_people
    inner join parties on all_people.party_id = parties.party_id

),

touches as (

    select
        activities.activity_id as touch_id,
        people_of_parties.party_id,
        activities.person_id,
        activities.campaign_id,
        activities.content_id,
        activities.channel,
        activities.team,
        activities.activity_type as touch_type,
        activities.is_human_touch,
        activities.occurred_at as touched_at
    from activities
    inner join people_of_parties on activities.person_id = people_of_parties.person_id
    where activities.is_touch

),

final as (

    select
        touch_id,
        party_id,
        person_id,
        campaign_id,
        content_id,
        channel,
        team,
        touch_type,
        lag(channel) over (partition by party_id order by touched_at, touch_id)
            as previous_channel,
        row_number() over (partition by party_id order by touched_at, touch_id) as place,
        lead(touched_at) over (partition by party_id order by touched_at, touch_id) is null
            as is_last,
        is_human_touch,
        touched_at,
        lag(touched_at) over (partition by party_id order by touched_at, touch_id)
            as previous_touched_at
    from touches

)

select * from final
