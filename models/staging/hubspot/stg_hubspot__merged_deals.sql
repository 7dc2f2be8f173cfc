with recursive source as (

    select *
    from {{ source('hubspot', 'merged_deal') }} as delivered
    where
        {{ visible('delivered') }}
        and not delivered._is_deleted

),

ranked as (

    select
        merged_deal_id as record_id,
        deal_id as into_record_id,
        _modified_at as modified_at,
        row_number() over (
            partition by merged_deal_id
            order by _modified_at desc nulls last, deal_id asc
        ) as merge_rank
    from source

),

pointers as (

    select
        record_id,
        into_record_id,
        modified_at
    from ranked
    where merge_rank = 1

),

{{ merges_followed('pointers') }},

final as (

    select
        'hubspot' as system,
        'deal' as object,
        pointers.record_id,
        survivors.into_record_id,
        pointers.modified_at,
        false as is_deleted
    from pointers
    inner join survivors
        on
            pointers.record_id = survivors.record_id
            and survivors.survivor_rank = 1

)

select * from final
