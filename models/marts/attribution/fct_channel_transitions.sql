with transitions as (

    select * from {{ ref('int_channel_transitions') }}

),

final as (

    select
        conversion_type,
        from_channel,
        to_channel,
        transitions
    from transitions

)

select * from final
