-- Fails if the newest state of a HubSpot deal's history is in another stage than the deal itself:
-- the two were delivered at different moments, and a bridge would not end at what the deal shows.
-- It does not claim that the history is whole before that. A warning, because the next delivery
-- mends it; marketing operations own it.
{{ config(severity='warn', group='marketing_operations') }}

with deal_states as (

    select * from {{ ref('stg_hubspot__deal_states') }}

),

deals as (

    select * from {{ ref('stg_hubspot__deals') }}

),

newest_states as (

    select
        record_id,
        stage,
        changed_at,
        row_number() over (
            partition by record_id
            order by changed_at desc, change_id desc
        ) as newness
    from deal_states

)

select
    deals.record_id,
    deals.stage as present_stage,
    newest_states.stage as newest_stage,
    newest_states.changed_at
from deals
inner join newest_states
    on
        deals.record_id = newest_states.record_id
        and newest_states.newness = 1
where
    not deals.is_deleted
    and deals.stage is distinct from newest_states.stage
