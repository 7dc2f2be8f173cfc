{%- set mirrored_columns = [
    'system',
    'object',
    'record_id',
    'crm_record_id',
    'opportunity_type',
    'stage',
    'amount',
    'currency',
    'close_date',
    'is_won',
    'is_closed',
    'created_at',
    'modified_at',
    'is_deleted',
] -%}

with held_back_records as (

    select * from {{ ref('int_held_back_records') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

delivered as (

    {{ union_conformed(
        ['stg_salesforce__opportunities', 'stg_crm__opportunities'],
        [
            'system',
            'object',
            'record_id',
            'cast(null as ' ~ dbt.type_string() ~ ') as crm_record_id',
            'opportunity_type',
            'stage',
            'amount',
            'currency',
            'close_date',
            'is_won',
            'is_closed',
            'created_at',
            'modified_at',
            'is_deleted',
        ]
    ) }}

    union all

    {{ union_conformed(['stg_hubspot__deals'], mirrored_columns) }}

    union all

    {{ union_conformed(['stg_marketing__deals'], mirrored_columns | map('replace',
        'opportunity_type', 'cast(null as ' ~ dbt.type_string() ~ ') as opportunity_type') | list) }}

),

-- A version that a contract holds back is what the system says, unless a later one was accepted.
held_back as (

    select held_back_records.*
    from held_back_records
    left join delivered
        on
            held_back_records.system = delivered.system
            and held_back_records.object = delivered.object
            and held_back_records.record_id = delivered.record_id
    where
        held_back_records.kind = 'deal'
        and (
            delivered.record_id is null
            or held_back_records.modified_at > delivered.modified_at
        )

),

standing as (

    select
        delivered.system,
        delivered.object,
        delivered.record_id,
        delivered.crm_record_id,
        delivered.opportunity_type,
        delivered.stage,
        delivered.amount,
        delivered.currency,
        delivered.close_date,
        delivered.is_won,
        delivered.is_closed,
        delivered.created_at,
        delivered.modified_at,
        cast(null as {{ dbt.type_string() }}) as held_back_by
    from delivered
    left join held_back
        on
            delivered.system = held_back.system
            and delivered.object = held_back.object
            and delivered.record_id = held_back.record_id
    where
        not delivered.is_deleted
        and held_back.record_id is null

    union all

    select
        system,
        object,
        record_id,
        crm_record_id,
        opportunity_type,
        stage,
        amount,
        currency,
        close_date,
        is_won,
        is_closed,
        created_at,
        modified_at,
        owner as held_back_by
    from held_back

),

valued as (

    select
        system,
        object,
        record_id,
        crm_record_id,
        opportunity_type,
        stage,
        cast(amount as decimal(18, 2)) as original_amount,
        upper(coalesce(currency, '{{ var("reporting_currency") }}')) as currency,
        cast(close_date as date) as close_date,
        coalesce(is_won, false) as is_won,
        coalesce(is_closed, false) or coalesce(is_won, false) as is_closed,
        coalesce(created_at, modified_at) as created_at,
        modified_at,
        held_back_by,
        case
            when (is_won or is_closed) and close_date is not null
                then cast(close_date as date)
            else {{ business_date('coalesce(created_at, modified_at)') }}
        end as rate_date
    from standing

),

-- What marketing's system calls a deal is the opportunity whose id it keeps, whichever CRM has it.
mirrored as (

    select
        valued.system,
        valued.object,
        valued.record_id,
        min(opportunities.opportunity_id) as opportunity_id
    from valued
    inner join opportunities
        on
            valued.crm_record_id = opportunities.record_id
            and valued.system <> opportunities.system
            and not opportunities.is_deleted
    group by valued.system, valued.object, valued.record_id

),

final as (

    select
        {{ record_key('valued.system', 'valued.object', 'valued.record_id') }} as record_key,
        coalesce(own.opportunity_id, mirrored.opportunity_id) as opportunity_id,
        valued.system,
        valued.object,
        valued.record_id,
        valued.opportunity_type,
        valued.stage,
        valued.held_back_by,
        valued.currency,
        valued.original_amount,
        {{ convert_money('valued.original_amount', 'fx_rates.rate') }} as amount,
        valued.is_won,
        valued.is_closed,
        valued.rate_date,
        valued.close_date,
        valued.created_at,
        valued.modified_at
    from valued
    left join opportunities as own
        on
            valued.system || ':' || valued.record_id = own.opportunity_id
            and not own.is_deleted
    left join mirrored
        on
            valued.system = mirrored.system
            and valued.object = mirrored.object
            and valued.record_id = mirrored.record_id
    left join fx_rates
        on
            valued.currency = fx_rates.currency
            and valued.rate_date >= fx_rates.valid_from
            and (fx_rates.valid_to is null or valued.rate_date < fx_rates.valid_to)

)

select * from final
