{#-
    One ordering serves everything: a journey is a run of consecutive places of its party, and a
    transition of the Markov chain is a touch beside the one before it.
-#}

with activities as (

    select * from {{ ref('int_activities') }}

),

people as (

    select * from {{ ref('int_people') }}

),

touches as (

    select
        activities.activity_id as touch_id,
        case
            when {{ attribution_parameter('buying_group', dbt.type_string()) }} = 'person'
                then activities.person_id
            else coalesce(people.account_id, activities.person_id)
        end as party_id,
        activities.channel,
        activities.occurred_at as touched_at
    from activities
    inner join people on activities.person_id = people.person_id
    where activities.is_touch

),

final as (

    select
        touch_id,
        party_id,
        channel,
        lag(channel) over (partition by party_id order by touched_at, touch_id)
            as previous_channel,
        row_number() over (partition by party_id order by touched_at, touch_id) as place,
        lead(touched_at) over (partition by party_id order by touched_at, touch_id) is null
            as is_last,
        touched_at,
        lag(touched_at) over (partition by party_id order by touched_at, touch_id)
            as previous_touched_at
    from touches

)

select * from final
