-- One row per sales agent; the manager's team and the regional office beside. Ids stand for names.
select
    'agent-' || lpad(cast(row_number() over (order by sales_agent) as varchar), 2, '0') as user_id,
    sales_agent as name,
    'sales' as role,
    'team-' || lpad(cast(dense_rank() over (order by manager) as varchar), 2, '0') as team,
    regional_office as region,
    true as is_active
from read_csv('{data}/sales_teams.csv', all_varchar = true)
