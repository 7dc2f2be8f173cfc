with party_touches as (

    select * from {{ ref('int_party_touches') }}

),

conversions as (

    select * from {{ ref('int_conversions') }}

),

journey_touches as (

    select * from {{ ref('int_journey_touches') }}

),

last_conversions as (

    select
        party_id,
        max(case when conversion_type = 'sqo' then converted_at end) as last_sqo_at,
        max(case when conversion_type = 'won' then converted_at end) as last_won_at
    from conversions
    where party_id is not null
    group by party_id

),

-- Journeys that did not convert: what a party was touched with after its last conversion of the
-- type, as far as the lookback reaches.
placed as (

    select
        party_touches.channel,
        party_touches.previous_channel,
        party_touches.is_last,
        party_touches.touched_at > coalesce(last_conversions.last_sqo_at, {{ start_of_time() }})
            as is_in_sqo,
        party_touches.touched_at > coalesce(last_conversions.last_won_at, {{ start_of_time() }})
            as is_in_won,
        party_touches.previous_touched_at >= {{ dbt.dateadd(
            'day', '-' ~ attribution_parameter('lookback_days', dbt.type_int()), as_of()
        ) }} as is_previous_recent,
        party_touches.previous_touched_at
        > coalesce(last_conversions.last_sqo_at, {{ start_of_time() }}) as is_previous_in_sqo,
        party_touches.previous_touched_at
        > coalesce(last_conversions.last_won_at, {{ start_of_time() }}) as is_previous_in_won
    from party_touches
    left join last_conversions on party_touches.party_id = last_conversions.party_id
    where
        party_touches.touched_at >= {{ dbt.dateadd(
            'day', '-' ~ attribution_parameter('lookback_days', dbt.type_int()), as_of()
        ) }}

),

counted as (

    select
        channel,
        previous_channel,
        is_last,
        is_in_sqo,
        is_in_won,
        coalesce(is_previous_recent and is_previous_in_sqo, false) as is_continued_sqo,
        coalesce(is_previous_recent and is_previous_in_won, false) as is_continued_won,
        count(*) as touches
    from placed
    group by
        channel,
        previous_channel,
        is_last,
        is_in_sqo,
        is_in_won,
        coalesce(is_previous_recent and is_previous_in_sqo, false),
        coalesce(is_previous_recent and is_previous_in_won, false)

),

steps as (

    {%- for type in ['sqo', 'won'] %}
        select
            '{{ type }}' as conversion_type,
            case when is_continued_{{ type }} then previous_channel else '(start)' end
                as from_channel,
            channel as to_channel,
            touches as transitions
        from counted
        where is_in_{{ type }}

        union all

        select
            '{{ type }}' as conversion_type,
            channel as from_channel,
            '(null)' as to_channel,
            touches as transitions
        from counted
        where is_in_{{ type }} and is_last

        union all
    {% endfor %}
    select
        conversions.conversion_type,
        coalesce(journey_touches.previous_channel, '(start)') as from_channel,
        journey_touches.channel as to_channel,
        1 as transitions
    from journey_touches
    inner join conversions on journey_touches.conversion_id = conversions.conversion_id

    union all

    select
        conversions.conversion_type,
        journey_touches.channel as from_channel,
        '(conversion)' as to_channel,
        1 as transitions
    from journey_touches
    inner join conversions on journey_touches.conversion_id = conversions.conversion_id
    where journey_touches.is_last

),

final as (

    select
        conversion_type,
        from_channel,
        to_channel,
        cast(sum(transitions) as {{ dbt.type_bigint() }}) as transitions
    from steps
    group by conversion_type, from_channel, to_channel

)

select * from final
