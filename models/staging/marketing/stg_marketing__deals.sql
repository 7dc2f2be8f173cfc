with source as (

    select *
    from {{ source('marketing', 'deals') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'marketing' as system,
        'deals' as object,
        deal_id as record_id,
        contact_id as person_record_id,
        crm_opportunity_id as crm_record_id,
        stage,
        amount,
        upper(currency) as currency,
        close_date,
        created_at,
        coalesce(is_closed, is_won, false) as is_closed,
        coalesce(is_won, false) as is_won,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
