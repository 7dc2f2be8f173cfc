-- What a stage of the CRM means: where it stands in the agreed funnel, and whether it closes a
-- deal.
with opportunity_records as (

    select * from {{ ref('int_opportunity_records_unioned') }}

),

opportunity_changes as (

    select * from {{ ref('int_opportunity_changes_unioned') }}

),

stage_rules as (

    select * from {{ ref('stage_rules') }}

),

stages as (

    select * from {{ ref('stages') }}

),

exit_reasons as (

    select * from {{ ref('exit_reasons') }}

),

definition_versions as (

    select * from {{ ref('definition_versions') }}

),

versions_in_force as (

    select version
    from definition_versions
    where effective_from <= {{ as_of() }}

),

stage_orders as (

    select
        stages.stage,
        max(stages.stage_order) as stage_order
    from stages
    inner join versions_in_force
        on stages.version = versions_in_force.version
    group by 1

),

-- Every stage that was ever agreed counts: a deal won under an older version stays won.
agreed_stages as (

    select
        lower(stage_rules.system) as system,
        lower(trim(stage_rules.value)) as stage_key,
        max(stage_orders.stage_order) as stage_order,
        max(case when stage_rules.stage = 'won' then 1 else 0 end) = 1 as is_won
    from stage_rules
    inner join versions_in_force
        on stage_rules.version = versions_in_force.version
    inner join stage_orders
        on stage_rules.stage = stage_orders.stage
    where
        lower(stage_rules.object) in ('opportunity', 'opportunities', 'deal', 'deals')
        and lower(stage_rules.field) in ('stage', 'stage_name', 'dealstage')
    group by 1, 2

),

agreed_losses as (

    select
        lower(system) as system,
        lower(trim(value)) as stage_key
    from exit_reasons
    where
        exit_type = 'lost'
        and lower(object) in ('opportunity', 'opportunities', 'deal', 'deals')
        and lower(field) in ('stage', 'stage_name', 'dealstage')
    group by 1, 2

),

delivered_stages as (

    select
        system,
        lower(trim(stage)) as stage_key,
        case
            when is_won then 'won'
            when is_closed then 'lost'
            else 'open'
        end as record_outcome
    from opportunity_records
    where stage is not null

    union

    select
        system,
        lower(trim(stage)) as stage_key,
        cast(null as {{ dbt.type_string() }}) as record_outcome
    from opportunity_changes
    where stage is not null

),

-- What all records that stand in a stage say of it, whether agreed or not.
seen_stages as (

    select
        system,
        stage_key,
        case
            when min(record_outcome) = max(record_outcome) then min(record_outcome)
        end as record_outcome
    from delivered_stages
    group by 1, 2

),

judged as (

    select
        seen_stages.system,
        seen_stages.stage_key,
        coalesce(own_stages.stage_order, any_systems_stages.stage_order, 0) as stage_order,
        coalesce(
            own_stages.is_won, any_systems_stages.is_won, false
        )
        or coalesce(seen_stages.record_outcome = 'won', false) as is_won,
        own_losses.stage_key is not null
        or any_systems_losses.stage_key is not null
        or coalesce(seen_stages.record_outcome = 'lost', false) as is_lost
    from seen_stages
    left join agreed_stages as own_stages
        on
            seen_stages.system = own_stages.system
            and seen_stages.stage_key = own_stages.stage_key
    left join agreed_stages as any_systems_stages
        on
            any_systems_stages.system = '*'
            and seen_stages.stage_key = any_systems_stages.stage_key
    left join agreed_losses as own_losses
        on
            seen_stages.system = own_losses.system
            and seen_stages.stage_key = own_losses.stage_key
    left join agreed_losses as any_systems_losses
        on
            any_systems_losses.system = '*'
            and seen_stages.stage_key = any_systems_losses.stage_key

),

final as (

    select
        system,
        stage_key,
        stage_order,
        is_won,
        is_lost and not is_won as is_lost
    from judged

)

select * from final
