with histories as (

    select * from {{ ref('stg_hubspot__deal_histories_uncut') }}

),

deals as (

    select * from {{ ref('stg_hubspot__deals') }}

),

stages as (

    select * from {{ ref('stg_hubspot__deal_pipeline_stages') }}

),

changes as (

    select
        histories.record_id as deal_id,
        histories.field,
        histories.new_value,
        histories.changed_at
    from histories
    where
        not histories.is_to_come
        and histories.field in (
            'stage_record_id',
            'amount',
            'currency',
            'close_date',
            'owner_record_id'
        )

),

moments as (

    select
        deal_id,
        changed_at,
        max(case when field = 'stage_record_id' then new_value end) as stage_value,
        max(case when field = 'amount' then new_value end) as amount_value,
        max(case when field = 'currency' then new_value end)
            as currency_value,
        max(case when field = 'close_date' then new_value end) as close_date_value,
        max(case when field = 'owner_record_id' then new_value end) as owner_value,
        max(case when field = 'stage_record_id' then 1 else 0 end) as stage_changes,
        max(case when field = 'amount' then 1 else 0 end) as amount_changes,
        max(case when field = 'currency' then 1 else 0 end) as currency_changes,
        max(case when field = 'close_date' then 1 else 0 end) as close_date_changes,
        max(case when field = 'owner_record_id' then 1 else 0 end) as owner_changes
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
