-- A user agent is judged once, not with each of its visits.
with activity_records as (

    select * from {{ ref('int_activity_records_unioned') }}

),

lead_rules as (

    select * from {{ ref('lead_rules') }}

),

definition_versions as (

    select * from {{ ref('definition_versions') }}

),

-- A version without rules of its own keeps those of the version before it.
versions_in_force as (

    select
        lead_rules.version,
        row_number() over (
            order by definition_versions.effective_from desc, lead_rules.version desc
        ) as recency
    from lead_rules
    inner join definition_versions
        on lead_rules.version = definition_versions.version
    where definition_versions.effective_from <= {{ as_of() }}
    group by lead_rules.version, definition_versions.effective_from

),

bot_rules as (

    select
        lead_rules.rule_id,
        lead_rules.operator,
        lead_rules.value
    from lead_rules
    inner join versions_in_force
        on lead_rules.version = versions_in_force.version
    where
        versions_in_force.recency = 1
        and lead_rules.kind = 'exclusion'
        and lead_rules.field = 'user_agent'

),

user_agents as (

    select
        activity_records.user_agent,
        count(*) as activity_records
    from activity_records
    where activity_records.user_agent is not null
    group by activity_records.user_agent

),

final as (

    select
        user_agents.user_agent,
        min(bot_rules.rule_id) as rule_id,
        max(user_agents.activity_records) as activity_records
    from user_agents
    inner join bot_rules
        on {{ rule_holds('bot_rules.operator', 'user_agents.user_agent', 'bot_rules.value') }}
    group by user_agents.user_agent

)

select * from final
