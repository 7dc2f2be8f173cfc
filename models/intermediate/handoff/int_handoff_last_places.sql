with handoffs as (

    select * from {{ ref('int_handoffs') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

-- Passed on, and the CRM has no living record of the person.
missing as (

    select
        lead_cycle_id,
        person_id,
        handed_over_record_key,
        handed_over_at
    from handoffs
    where
        handed_over_at is not null
        and crm_arrived_at is null

),

records as (

    select
        missing.lead_cycle_id,
        missing.handed_over_record_key,
        missing.handed_over_at,
        people_records.record_key,
        person_records.crm_record_id,
        person_records.modified_at,
        crm_systems.system is not null as is_in_crm
    from missing
    inner join people_records on missing.person_id = people_records.person_id
    inner join person_records
        on
            people_records.system = person_records.system
            and people_records.object = person_records.object
            and people_records.record_id = person_records.record_id
    left join crm_systems on people_records.system = crm_systems.system

),

-- The places on the way from marketing to sales, the furthest first.
places as (

    select
        lead_cycle_id,
        record_key,
        case
            when is_in_crm then 'deleted_in_crm'
            when crm_record_id is not null then 'crm_id_without_record'
            else 'not_received_by_crm'
        end as last_place,
        case
            when is_in_crm then modified_at
            else handed_over_at
        end as last_seen_at,
        row_number() over (
            partition by lead_cycle_id
            order by
                case
                    when is_in_crm then 0
                    when crm_record_id is not null then 1
                    when record_key = handed_over_record_key then 2
                    else 3
                end,
                coalesce(modified_at, handed_over_at) desc,
                record_key
        ) as preference
    from records

),

final as (

    select
        lead_cycle_id,
        record_key as last_seen_record_key,
        last_place,
        last_seen_at
    from places
    where preference = 1

)

select * from final
