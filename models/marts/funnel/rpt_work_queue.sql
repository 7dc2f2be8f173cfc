{%- set minimum = var('content_suggestion_minimum', 3) -%}

with handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

records as (

    select * from {{ ref('bridge_person_records') }}

),

reps as (

    select * from {{ ref('dim_reps') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

content_uses as {{ read_in_place() }} (

    select * from {{ ref('fct_content_uses') }}

),

content as (

    select * from {{ ref('dim_content') }}

),

waiting as (

    select
        handoffs.*,
        row_number() over (
            order by
                handoffs.due_at,
                coalesce(handoffs.priority, 2147483647),
                handoffs.mql_at,
                handoffs.lead_cycle_id
        ) as work_order
    from handoffs
    where
        handoffs.fate in ('pending', 'untouched_overdue')
        and handoffs.ended_at is null

),

-- Those who stood at the same stage and went on within its window, by persona and all together.
went_on as (

    select
        lead_cycle_id,
        coalesce(persona, '(unknown)') as persona
    from stage_entries
    where
        stage = 'mql'
        and not is_inferred
        and person_id is not null
        and is_converted_in_window

    union all

    select
        lead_cycle_id,
        '(all)' as persona
    from stage_entries
    where
        stage = 'mql'
        and not is_inferred
        and person_id is not null
        and is_converted_in_window

),

went_on_by_persona as (

    select
        persona,
        count(*) as people_who_went_on
    from went_on
    group by persona

),

-- What they had used in that cycle before they went on.
used_content as (

    select
        went_on.persona,
        content_uses.content_id,
        count(distinct went_on.lead_cycle_id) as people_who_used
    from went_on
    inner join content_uses
        on
            went_on.lead_cycle_id = content_uses.lead_cycle_id
            and content_uses.stage_order <= 3
    group by went_on.persona, content_uses.content_id
    having count(distinct went_on.lead_cycle_id) >= {{ minimum }}

),

people_waiting as (

    select distinct person_id
    from waiting

),

used_by_person as (

    select distinct
        content_uses.person_id,
        content_uses.content_id
    from content_uses
    inner join people_waiting on content_uses.person_id = people_waiting.person_id

),

-- Where too little is known of the persona, people of all personas tell.
asked as (

    select
        lead_cycle_id,
        person_id,
        coalesce(persona, '(unknown)') as persona
    from waiting

    union all

    select
        lead_cycle_id,
        person_id,
        '(all)' as persona
    from waiting

),

-- Of what the person has not used themselves.
suggestions as (

    select
        asked.lead_cycle_id,
        used_content.persona,
        used_content.content_id,
        used_content.people_who_used,
        row_number() over (
            partition by asked.lead_cycle_id
            order by
                case when used_content.persona = '(all)' then 1 else 0 end,
                used_content.people_who_used desc,
                used_content.content_id asc
        ) as place
    from asked
    inner join used_content on asked.persona = used_content.persona
    left join used_by_person
        on
            asked.person_id = used_by_person.person_id
            and used_content.content_id = used_by_person.content_id
    where used_by_person.content_id is null

),

suggested as (

    select
        suggestions.lead_cycle_id,
        suggestions.content_id,
        coalesce(content.title, suggestions.content_id) as content_title,
        suggestions.people_who_used,
        went_on_by_persona.people_who_went_on,
        suggestions.persona = '(all)' as is_of_all
    from suggestions
    inner join went_on_by_persona on suggestions.persona = went_on_by_persona.persona
    left join content on suggestions.content_id = content.content_id
    where suggestions.place = 1

),

final as (

    select
        waiting.lead_cycle_id,
        waiting.person_id,
        waiting.account_id,
        waiting.rep_id,
        reps.rep_group,
        records.system,
        records.object,
        records.record_id,
        accounts.account_name,
        waiting.persona,
        waiting.segment,
        waiting.region,
        waiting.channel,
        campaigns.campaign_name,
        waiting.grade,
        waiting.temperature,
        waiting.motion,
        case
            when waiting.is_hand_raise then 'Asked to be contacted'
            when waiting.temperature = 'hot' then 'Very engaged'
            else 'Fits and is engaged'
        end || ', grade ' || waiting.grade
        || case when waiting.assigned_at is null then ', nobody owns it' else '' end
            as why,
        suggested.content_id as suggested_content_id,
        suggested.content_title as suggested_content,
        'used by ' || cast(suggested.people_who_used as {{ dbt.type_string() }})
        || ' of the ' || cast(suggested.people_who_went_on as {{ dbt.type_string() }})
        || case
            when suggested.is_of_all then ' who went on, of any persona'
            else ' of this persona who went on'
        end as suggested_because,
        cast(waiting.work_order as {{ dbt.type_bigint() }}) as work_order,
        waiting.priority,
        waiting.target_hours,
        {{ seconds_between('waiting.due_at', 'waiting.data_cut_at') }} / 3600.0 as hours_overdue,
        waiting.is_hand_raise,
        waiting.fate = 'untouched_overdue' as is_overdue,
        waiting.assigned_at is not null as is_assigned,
        waiting.mql_date,
        waiting.mql_at,
        waiting.handed_over_at,
        waiting.assigned_at,
        waiting.due_at,
        waiting.data_cut_at
    from waiting
    left join accounts on waiting.account_id = accounts.account_id
    left join campaigns on waiting.campaign_id = campaigns.campaign_id
    left join reps on waiting.rep_id = reps.rep_id
    left join records on waiting.crm_record_key = records.record_key
    left join suggested on waiting.lead_cycle_id = suggested.lead_cycle_id

)

select * from final
