{{ config(severity='warn') }}
-- Fails if a won renewal with a contract names no contract that is known, so that the one before it
-- may be counted beside it. A warning: the sum is what the records say, and sales operations adds
-- the contract to the renewal.
select
    contracts.opportunity_id,
    contracts.account_id,
    contracts.renews_opportunity_id,
    contracts.start_date
from {{ ref('fct_contracts') }} as contracts
left join {{ ref('fct_contracts') }} as renewed
    on contracts.renews_opportunity_id = renewed.opportunity_id
where contracts.opportunity_type = 'renewal' and renewed.opportunity_id is null
