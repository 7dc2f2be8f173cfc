{#-
    Most parties never convert, and of those nothing is needed but how often one channel follows
    another. They are put in order by whole numbers, one for the party and one for time and channel
    together: an order by touch_id, a long text, would cost three times as much and decide nothing but
    ties. Ties of different channels are then counted again in their right order, for the parties that
    have any.
-#}
{%- set most_channels = 4096 -%}
{%- set lookback_start -%}
    {{ dbt.dateadd('day', '-' ~ attribution_parameter('lookback_days', dbt.type_int()), as_of()) }}
{%- endset %}

with activities as (

    select * from {{ ref('int_activities') }}

),

people as (

    select * from {{ ref('int_people') }}

),

party_touches as (

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

all_people as (

    select
        people.person_id,
        {{ touch_party('people') }} as party_id
    from people

),

unconverted_people as (

    select
        all_people.person_id,
        all_people.party_id
    from all_people
    left join last_conversions on all_people.party_id = last_conversions.party_id
    where last_conversions.party_id is null

),

unconverted_parties as (

    select
        party_id,
        row_number() over (order by party_id) as party_number
    from unconverted_people
    group by party_id

),

numbered_people as (

    select
        unconverted_people.person_id,
        unconverted_parties.party_number
    from unconverted_people
    inner join unconverted_parties on unconverted_people.party_id = unconverted_parties.party_id

),

numbered_channels as (

    select
        channel,
        row_number() over (order by channel) as channel_number
    from activities
    where is_touch
    group by channel

),

channels as (

    select
        channel,
        case
            when channel_number < {{ most_channels }} then channel_number
            else {{ fail_with("'more than " ~ (most_channels - 1) ~ " channels'") }}
        end as channel_number
    from numbered_channels

),

recent_touches as (

    select
        numbered_people.party_number,
        {{ microseconds_between(lookback_start, 'activities.occurred_at') }}
        * {{ most_channels }}
        + channels.channel_number as time_and_channel
    from activities
    inner join numbered_people on activities.person_id = numbered_people.person_id
    inner join channels on activities.channel = channels.channel
    where activities.is_touch and activities.occurred_at >= {{ lookback_start }}

),

ordered_by_channel as (

    select
        party_number,
        time_and_channel,
        lag(time_and_channel) over (partition by party_number order by time_and_channel)
            as previous_time_and_channel,
        lead(time_and_channel) over (partition by party_number order by time_and_channel) is null
            as is_last
    from recent_touches

),

read_again as (

    select
        time_and_channel % {{ most_channels }} as channel_number,
        previous_time_and_channel % {{ most_channels }} as previous_channel_number,
        is_last,
        case
            when
                previous_time_and_channel < time_and_channel
                and previous_time_and_channel
                >= time_and_channel - time_and_channel % {{ most_channels }}
                then party_number
        end as tied_party_number
    from ordered_by_channel

),

counted_by_number as (

    select
        channel_number,
        previous_channel_number,
        is_last,
        tied_party_number,
        count(*) as touches
    from read_again
    group by channel_number, previous_channel_number, is_last, tied_party_number

),

counted_by_channel as (

    select
        channels.channel,
        previous_channels.channel as previous_channel,
        counted_by_number.is_last,
        counted_by_number.tied_party_number,
        counted_by_number.touches
    from counted_by_number
    inner join channels on counted_by_number.channel_number = channels.channel_number
    left join channels as previous_channels
        on counted_by_number.previous_channel_number = previous_channels.channel_number

),

tied_people as (

    select
        numbered_people.person_id,
        numbered_people.party_number
    from numbered_people
    where
        numbered_people.party_number in (
            select counted_by_channel.tied_party_number
            from counted_by_channel
            where counted_by_channel.tied_party_number is not null
        )

),

tied_touches as (

    select
        tied_people.party_number,
        activities.activity_id as touch_id,
        activities.channel,
        activities.occurred_at as touched_at
    from activities
    inner join tied_people on activities.person_id = tied_people.person_id
    where activities.is_touch and activities.occurred_at >= {{ lookback_start }}

),

tied_orders as (

    select
        channel,
        lag(channel) over (partition by party_number order by touched_at, channel)
            as channel_before,
        lead(touched_at) over (partition by party_number order by touched_at, channel) is null
            as is_last_by_channel,
        lag(channel) over (partition by party_number order by touched_at, touch_id)
            as previous_channel,
        lead(touched_at) over (partition by party_number order by touched_at, touch_id) is null
            as is_last
    from tied_touches

),

unconverted as (

    select
        channel,
        previous_channel,
        is_last,
        touches
    from counted_by_channel

    union all

    select
        channel,
        channel_before as previous_channel,
        is_last_by_channel as is_last,
        -1 as touches
    from tied_orders

    union all

    select
        channel,
        previous_channel,
        is_last,
        1 as touches
    from tied_orders

),

-- What a party was touched with after its last conversion of the type, as far as the lookback
-- reaches.
after_conversions as (

    select
        party_touches.channel,
        party_touches.previous_channel,
        party_touches.is_last,
        party_touches.touched_at > coalesce(last_conversions.last_sqo_at, {{ start_of_time() }})
            as is_in_sqo,
        party_touches.touched_at > coalesce(last_conversions.last_won_at, {{ start_of_time() }})
            as is_in_won,
        party_touches.previous_touched_at >= {{ lookback_start }} as is_previous_recent,
        party_touches.previous_touched_at
        > coalesce(last_conversions.last_sqo_at, {{ start_of_time() }}) as is_previous_in_sqo,
        party_touches.previous_touched_at
        > coalesce(last_conversions.last_won_at, {{ start_of_time() }}) as is_previous_in_won
    from party_touches
    inner join last_conversions on party_touches.party_id = last_conversions.party_id
    where party_touches.touched_at >= {{ lookback_start }}

),

in_journeys as (

    select
        conversions.conversion_type,
        journey_touches.previous_channel,
        journey_touches.channel,
        journey_touches.is_last,
        count(*) as touches
    from journey_touches
    inner join conversions on journey_touches.conversion_id = conversions.conversion_id
    group by
        conversions.conversion_type,
        journey_touches.previous_channel,
        journey_touches.channel,
        journey_touches.is_last

),

steps as (

    {%- for type in ['sqo', 'won'] %}
        select
            '{{ type }}' as conversion_type,
            coalesce(previous_channel, '(start)') as from_channel,
            channel as to_channel,
            touches as transitions
        from unconverted

        union all

        select
            '{{ type }}' as conversion_type,
            channel as from_channel,
            '(null)' as to_channel,
            touches as transitions
        from unconverted
        where is_last

        union all

        select
            '{{ type }}' as conversion_type,
            case
                when is_previous_recent and is_previous_in_{{ type }} then previous_channel else
                    '(start)'
            end
                as from_channel,
            channel as to_channel,
            1 as transitions
        from after_conversions
        where is_in_{{ type }}

        union all

        select
            '{{ type }}' as conversion_type,
            channel as from_channel,
            '(null)' as to_channel,
            1 as transitions
        from after_conversions
        where is_in_{{ type }} and is_last

        union all
    {% endfor %}
    select
        conversion_type,
        coalesce(previous_channel, '(start)') as from_channel,
        channel as to_channel,
        touches as transitions
    from in_journeys

    union all

    select
        conversion_type,
        channel as from_channel,
        '(conversion)' as to_channel,
        touches as transitions
    from in_journeys
    where is_last

),

final as (

    select
        conversion_type,
        from_channel,
        to_channel,
        cast(sum(transitions) as {{ dbt.type_bigint() }}) as transitions
    from steps
    group by conversion_type, from_channel, to_channel
    -- A step that only the order by channel took.
    having sum(transitions) > 0

)

select * from final
