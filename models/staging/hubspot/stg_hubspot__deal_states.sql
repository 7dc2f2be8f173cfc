with property_history as (

    select *
    from {{ source('hubspot', 'deal_property_history') }} as delivered
    where
        {{ visible('delivered') }}
        and not delivered._is_deleted
        and lower(delivered.name) in (
            'dealstage',
            'amount',
            'deal_currency_code',
            'closedate',
            'hubspot_owner_id'
        )

),

stage_history as (

    select *
    from {{ source('hubspot', 'deal_stage') }} as delivered
    where
        {{ visible('delivered') }}
        and not delivered._is_deleted

),

deals as (

    select * from {{ ref('stg_hubspot__deals') }}

),

stages as (

    select * from {{ ref('stg_hubspot__deal_pipeline_stages') }}

),

deals_with_stage_properties as (

    select distinct deal_id
    from property_history
    where lower(name) = 'dealstage'

),

changes as (

    select
        deal_id,
        lower(name) as property_name,
        nullif(value, '') as property_value,
        timestamp as changed_at
    from property_history

    union all

    -- The stage history repeats the property history, so it only stands in where that is silent.
    select
        stage_history.deal_id,
        'dealstage' as property_name,
        stage_history.value as property_value,
        stage_history.date_entered as changed_at
    from stage_history
    left join deals_with_stage_properties
        on stage_history.deal_id = deals_with_stage_properties.deal_id
    where deals_with_stage_properties.deal_id is null

),

moments as (

    select
        deal_id,
        changed_at,
        max(case when property_name = 'dealstage' then property_value end) as stage_value,
        max(case when property_name = 'amount' then property_value end) as amount_value,
        max(case when property_name = 'deal_currency_code' then property_value end)
            as currency_value,
        max(case when property_name = 'closedate' then property_value end) as close_date_value,
        max(case when property_name = 'hubspot_owner_id' then property_value end) as owner_value,
        max(case when property_name = 'dealstage' then 1 else 0 end) as stage_changes,
        max(case when property_name = 'amount' then 1 else 0 end) as amount_changes,
        max(case when property_name = 'deal_currency_code' then 1 else 0 end) as currency_changes,
        max(case when property_name = 'closedate' then 1 else 0 end) as close_date_changes,
        max(case when property_name = 'hubspot_owner_id' then 1 else 0 end) as owner_changes
    from changes
    group by
        deal_id,
        changed_at

),

numbered as (

    select
        *,
        sum(stage_changes) over (
            partition by deal_id
            order by changed_at asc
            rows between unbounded preceding and current row
        ) as stage_version,
        sum(amount_changes) over (
            partition by deal_id
            order by changed_at asc
            rows between unbounded preceding and current row
        ) as amount_version,
        sum(currency_changes) over (
            partition by deal_id
            order by changed_at asc
            rows between unbounded preceding and current row
        ) as currency_version,
        sum(close_date_changes) over (
            partition by deal_id
            order by changed_at asc
            rows between unbounded preceding and current row
        ) as close_date_version,
        sum(owner_changes) over (
            partition by deal_id
            order by changed_at asc
            rows between unbounded preceding and current row
        ) as owner_version,
        sum(stage_changes) over (partition by deal_id) as stage_versions,
        sum(amount_changes) over (partition by deal_id) as amount_versions,
        sum(currency_changes) over (partition by deal_id) as currency_versions,
        sum(close_date_changes) over (partition by deal_id) as close_date_versions,
        sum(owner_changes) over (partition by deal_id) as owner_versions
    from moments

),

carried as (

    select
        deal_id,
        changed_at,
        -- A cleared property stays cleared: the change is carried, not the last known value.
        max(stage_value) over (partition by deal_id, stage_version)
            as stage_value,
        max(amount_value) over (partition by deal_id, amount_version)
            as amount_value,
        max(currency_value) over (partition by deal_id, currency_version)
            as currency_value,
        max(close_date_value) over (partition by deal_id, close_date_version)
            as close_date_value,
        max(owner_value) over (partition by deal_id, owner_version)
            as owner_value,
        stage_versions > 0 as has_stage_history,
        amount_versions > 0 as has_amount_history,
        currency_versions > 0 as has_currency_history,
        close_date_versions > 0 as has_close_date_history,
        owner_versions > 0 as has_owner_history
    from numbered

),

final as (

    select
        'hubspot' as system,
        'deal' as object,
        carried.deal_id as record_id,
        carried.deal_id || '|' || cast(carried.changed_at as {{ dbt.type_string() }}) as change_id,
        -- A property without any history has had its present value all along.
        case
            when carried.has_stage_history then coalesce(stages.stage, carried.stage_value)
            else deals.stage
        end as stage,
        case
            when carried.has_amount_history
                then {{ dbt.safe_cast('carried.amount_value', 'decimal(18, 2)') }}
            else deals.amount
        end as amount,
        case
            when carried.has_currency_history and carried.currency_value is not null
                then upper(carried.currency_value)
            else deals.currency
        end as currency,
        case
            when carried.has_close_date_history
                then cast({{ text_to_timestamp('carried.close_date_value') }} as date)
            else deals.close_date
        end as close_date,
        case
            when carried.has_owner_history then carried.owner_value
            else deals.owner_record_id
        end as owner_record_id,
        carried.changed_at,
        carried.changed_at as modified_at,
        coalesce(deals.is_deleted, false) as is_deleted
    from carried
    left join deals on carried.deal_id = deals.record_id
    left join stages on carried.stage_value = stages.record_id

)

select * from final
