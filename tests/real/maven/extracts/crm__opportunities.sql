-- One row per opportunity. Nobody is named on any of them; 1,425 have no account yet; those still at
-- Prospecting have not been engaged yet: they were first seen on the last day of the export.
with agents as (
    select
        sales_agent,
        'agent-' || lpad(cast(row_number() over (order by sales_agent) as varchar), 2, '0') as user_id
    from read_csv('{data}/sales_teams.csv', all_varchar = true)
)

select
    pipeline.opportunity_id,
    'account-' || lower(regexp_replace(pipeline.account, '[^A-Za-z0-9]+', '-', 'g')) as account_id,
    pipeline.product as name,
    'new' as type,
    pipeline.deal_stage as stage,
    pipeline.close_value as amount,
    'USD' as currency,
    coalesce(pipeline.engage_date, '2017-12-31') as created_at,
    pipeline.close_date,
    pipeline.deal_stage in ('Won', 'Lost') as is_closed,
    pipeline.deal_stage = 'Won' as is_won,
    agents.user_id as owner_id
from read_csv('{data}/sales_pipeline.csv', all_varchar = true) as pipeline
inner join agents on pipeline.sales_agent = agents.sales_agent
