with channel_mappings as (

    select * from {{ ref('channel_mappings') }}

),

source_mappings as (

    select * from {{ ref('source_mappings') }}

),

-- Three channels exist whatever the mappings say: what nothing maps, sales, and direct.
channels as (

    select channel from channel_mappings

    union

    select channel from source_mappings

    union

    select '(unmapped)' as channel

    union

    select 'sales' as channel

    union

    select 'direct' as channel

),

final as (

    select
        channel,
        case when channel = 'sales' then 'sales' else 'marketing' end as team,
        channel = 'direct' as is_direct,
        channel <> '(unmapped)' as is_mapped
    from channels

)

select * from final
