with people_records as (

    select * from {{ ref('int_people_records') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

identifiers as (

    select * from {{ ref('int_person_identifiers') }}

),

account_records as (

    select * from {{ ref('int_account_records') }}

),

records as (

    select
        people_records.person_id,
        people_records.record_key,
        people_records.record_type,
        people_records.system,
        people_records.created_at,
        not people_records.is_deleted and not people_records.is_merged_away as is_live,
        person_records.account_record_id,
        case
            when not identifiers.is_placeholder_email and not identifiers.is_free_mail
                then identifiers.email_domain
        end as company_domain
    from people_records
    inner join identifiers
        on people_records.record_key = identifiers.record_key
    inner join person_records
        on
            people_records.system = person_records.system
            and people_records.object = person_records.object
            and people_records.record_id = person_records.record_id

),

websites as (

    select
        account_records.website_domain,
        min(account_records.account_id) as account_id
    from account_records
    where
        account_records.website_domain is not null
        and account_records.is_survivor
        and not account_records.is_deleted
    group by account_records.website_domain
    -- Of several accounts with one website none is the one.
    having count(*) = 1

),

candidates as (

    select
        records.person_id,
        account_records.account_id,
        'crm_account' as account_evidence,
        1 as rung,
        records.record_key,
        records.record_type,
        records.is_live,
        records.created_at
    from records
    inner join account_records
        on
            records.system = account_records.system
            and records.account_record_id = account_records.record_id

    union all

    select
        records.person_id,
        websites.account_id,
        'website' as account_evidence,
        2 as rung,
        records.record_key,
        records.record_type,
        records.is_live,
        records.created_at
    from records
    inner join websites
        on records.company_domain = websites.website_domain

    union all

    select
        records.person_id,
        'domain:' || records.company_domain as account_id,
        'company_domain' as account_evidence,
        3 as rung,
        records.record_key,
        records.record_type,
        records.is_live,
        records.created_at
    from records
    where records.company_domain is not null

),

ranked as (

    select
        candidates.person_id,
        candidates.account_id,
        candidates.account_evidence,
        row_number() over (
            partition by candidates.person_id
            order by
                candidates.rung asc,
                candidates.is_live desc,
                case when candidates.record_type = 'contact' then 0 else 1 end asc,
                candidates.created_at desc nulls last,
                candidates.record_key asc,
                candidates.account_id asc
        ) as preference
    from candidates

),

people as (

    select distinct people_records.person_id
    from people_records

),

final as (

    select
        people.person_id,
        ranked.account_id,
        coalesce(ranked.account_evidence, 'none') as account_evidence
    from people
    left join ranked
        on
            people.person_id = ranked.person_id
            and ranked.preference = 1

)

select * from final
