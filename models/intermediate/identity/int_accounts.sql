with account_records as (

    select * from {{ ref('int_account_records') }}

),

people_accounts as (

    select * from {{ ref('int_people_accounts') }}

),

country_regions as (

    select * from {{ ref('int_country_regions') }}

),

segments as (

    select * from {{ ref('segments') }}

),

crm_accounts as (

    select
        account_records.account_id,
        'crm' as account_source,
        account_records.system,
        account_records.record_id,
        account_records.account_name,
        account_records.website_domain,
        account_records.industry,
        account_records.employees,
        account_records.country,
        account_records.system || ':' || account_records.owner_record_id as rep_id,
        account_records.system || ':' || account_records.parent_record_id as parent_account_id,
        account_records.is_deleted,
        account_records.created_at
    from account_records
    where account_records.is_survivor

),

domain_accounts as (

    select distinct
        people_accounts.account_id,
        'company_domain' as account_source,
        cast(null as {{ dbt.type_string() }}) as system,  -- noqa: RF04
        cast(null as {{ dbt.type_string() }}) as record_id,
        substr(people_accounts.account_id, length('domain:') + 1) as account_name,
        substr(people_accounts.account_id, length('domain:') + 1) as website_domain,
        cast(null as {{ dbt.type_string() }}) as industry,
        cast(null as {{ dbt.type_bigint() }}) as employees,
        cast(null as {{ dbt.type_string() }}) as country,
        cast(null as {{ dbt.type_string() }}) as rep_id,
        cast(null as {{ dbt.type_string() }}) as parent_account_id,
        false as is_deleted,
        cast(null as {{ dbt.type_timestamp() }}) as created_at
    from people_accounts
    where people_accounts.account_evidence = 'company_domain'

),

accounts as (

    select * from crm_accounts

    union all

    select * from domain_accounts

),

final as (

    select
        accounts.account_id,
        accounts.account_source,
        accounts.system,
        accounts.record_id,
        accounts.account_name,
        accounts.website_domain,
        accounts.industry,
        accounts.country,
        country_regions.region,
        segments.segment,
        accounts.rep_id,
        accounts.parent_account_id,
        accounts.employees,
        accounts.is_deleted,
        accounts.created_at
    from accounts
    left join country_regions
        on {{ comparable_name('accounts.country') }} = country_regions.country_name
    left join segments
        on
            accounts.employees >= coalesce(segments.min_employees, 0)
            and accounts.employees <= coalesce(segments.max_employees, accounts.employees)

)

select * from final
