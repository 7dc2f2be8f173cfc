with removal_effects as (

    select * from {{ ref('int_channel_removal_effects') }}

),

final as (

    select
        conversion_type,
        channel,
        conversion_probability,
        removal_effect,
        weight
    from removal_effects

)

select * from final
