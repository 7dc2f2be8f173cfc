-- Fails if people stand in a stage for longer than its P90. Warns only: it is no fault of the
-- build but work for the team that owns the stage, which is named with the number of its people.
{{ config(severity = 'warn', group = 'sales_operations') }}

select
    owner_team,
    stage,
    count(*) as people,
    max(days_in_stage) as longest_days
from {{ ref('rpt_standing_leads') }}
group by owner_team, stage
