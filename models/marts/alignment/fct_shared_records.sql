with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

entered as (

    select
        case stage
            when 'lead' then 'leads'
            when 'mql' then 'mqls'
            when 'sql' then 'sqls'
            else 'opportunities'
        end as kpi,
        entry_id,
        person_id,
        account_id,
        opportunity_id,
        case when stage = 'sqo' then opportunity_id else person_id end as party_id,
        grade,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as decimal(18, 2)) as original_amount,
        cast(1 as decimal(18, 2)) as value,
        cast(1 as {{ dbt.type_bigint() }}) as deals,
        entered_date as counted_date,
        entered_at as counted_at
    from stage_entries
    where
        stage in ('lead', 'mql', 'sql', 'sqo')
        and not is_inferred

),

created as (

    select
        'pipeline' as kpi,
        cast(null as {{ dbt.type_string() }}) as entry_id,
        person_id,
        account_id,
        opportunity_id,
        opportunity_id as party_id,
        cast(null as {{ dbt.type_string() }}) as grade,
        original_currency as currency,
        original_amount,
        coalesce(amount, 0) as value,
        cast(1 as {{ dbt.type_bigint() }}) as deals,
        created_date as counted_date,
        created_at as counted_at
    from opportunities

),

won as (

    select
        'bookings' as kpi,
        cast(null as {{ dbt.type_string() }}) as entry_id,
        person_id,
        account_id,
        opportunity_id,
        opportunity_id as party_id,
        cast(null as {{ dbt.type_string() }}) as grade,
        original_currency as currency,
        original_amount,
        coalesce(amount, 0) as value,
        cast(1 as {{ dbt.type_bigint() }}) as deals,
        closed_date as counted_date,
        closed_at as counted_at
    from opportunities
    where is_won

),

-- Finance invoices an account, not an opportunity: its bookings of one month and currency are one.
won_by_account as (

    select
        'bookings' as kpi,
        cast(null as {{ dbt.type_string() }}) as entry_id,
        cast(null as {{ dbt.type_string() }}) as person_id,
        account_id,
        min(opportunity_id) as opportunity_id,
        coalesce(account_id, min(opportunity_id)) as party_id,
        cast(null as {{ dbt.type_string() }}) as grade,
        currency,
        cast(sum(original_amount) as decimal(18, 2)) as original_amount,
        cast(sum(value) as decimal(18, 2)) as value,
        count(*) as deals,
        min(counted_date) as counted_date,
        min(counted_at) as counted_at
    from won
    group by
        account_id,
        case when account_id is null then opportunity_id end,
        currency,
        {{ month_start('counted_date') }}

),

every as (

    select
        'team' as compared_with,
        *
    from entered

    union all

    select
        'team' as compared_with,
        *
    from created

    union all

    select
        'team' as compared_with,
        *
    from won

    union all

    select
        'finance' as compared_with,
        *
    from won_by_account

),

final as (

    select
        compared_with || '|' || kpi || '|' || coalesce(entry_id, opportunity_id)
            as shared_record_id,
        compared_with,
        kpi,
        entry_id,
        person_id,
        account_id,
        opportunity_id,
        party_id,
        grade,
        currency,
        original_amount,
        value,
        deals,
        {{ month_start('counted_date') }} as period_month,
        counted_at
    from every
    where counted_date is not null

)

select * from final
