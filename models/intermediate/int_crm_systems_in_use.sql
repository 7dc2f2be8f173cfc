-- A marketing system can also be the CRM, but only where no CRM proper delivers opportunities: else
-- each of its deals would be counted beside the opportunity that it mirrors.
with crm_systems as (

    select * from {{ ref('crm_systems') }}

),

salesforce_opportunities as (

    select * from {{ ref('stg_salesforce__opportunities') }}

),

crm_opportunities as (

    select * from {{ ref('stg_crm__opportunities') }}

),

delivered as (

    select salesforce_opportunities.system
    from salesforce_opportunities

    union

    select crm_opportunities.system
    from crm_opportunities

),

proper_systems_delivering as (

    select count(*) as systems
    from crm_systems
    inner join delivered
        on crm_systems.system = delivered.system
    where not crm_systems.is_fallback

),

final as (

    select
        crm_systems.system,
        crm_systems.is_fallback
    from crm_systems
    where
        not crm_systems.is_fallback
        or (select proper_systems_delivering.systems from proper_systems_delivering) = 0

)

select * from final
