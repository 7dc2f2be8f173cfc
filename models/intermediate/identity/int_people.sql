with people_records as (

    select * from {{ ref('int_people_records') }}

),

people_accounts as (

    select * from {{ ref('int_people_accounts') }}

),

attribute_states as (

    select * from {{ ref('int_person_attribute_states') }}

),

exclusions as (

    select * from {{ ref('int_people_exclusions') }}

),

people as (

    select
        people_records.person_id,
        min(people_records.created_at) as first_seen_at,
        count(case when people_records.is_delivered then people_records.record_key end) as records,
        -- Once every record of a person is gone, nothing of the person enters a stage any more.
        min(
            case
                when people_records.is_deleted or people_records.is_merged_away then 1 else 0
            end
        ) = 1 as is_deleted
    from people_records
    group by people_records.person_id

),

final as (

    select
        people.person_id,
        people_accounts.account_id,
        people_accounts.account_evidence,
        attribute_states.title,
        attribute_states.industry,
        attribute_states.country,
        attribute_states.persona,
        attribute_states.department,
        attribute_states.seniority,
        attribute_states.segment,
        attribute_states.region,
        exclusions.exclusion_reason,
        exclusions.rule_id as exclusion_rule_id,
        attribute_states.employees,
        people.records,
        exclusions.person_id is not null as is_excluded,
        people.is_deleted,
        people.first_seen_at
    from people
    inner join people_accounts
        on people.person_id = people_accounts.person_id
    left join attribute_states
        on
            people.person_id = attribute_states.person_id
            and attribute_states.is_current
    left join exclusions
        on people.person_id = exclusions.person_id

)

select * from final
