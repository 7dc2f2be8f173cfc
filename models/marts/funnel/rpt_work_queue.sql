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

)

select * from final
