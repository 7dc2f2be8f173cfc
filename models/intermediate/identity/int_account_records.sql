{%- set longest_chain = 20 -%}

with recursive account_records_unioned as (

    select * from {{ ref('int_account_records_unioned') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

account_records as (

    select
        account_records_unioned.system || ':' || account_records_unioned.object || ':'
        || account_records_unioned.record_id as record_key,
        account_records_unioned.system || ':' || account_records_unioned.record_id
            as own_account_id,
        account_records_unioned.system,
        account_records_unioned.object,
        account_records_unioned.record_id,
        account_records_unioned.account_name,
        account_records_unioned.website,
        account_records_unioned.industry,
        account_records_unioned.employees,
        account_records_unioned.country,
        account_records_unioned.owner_record_id,
        account_records_unioned.parent_record_id,
        account_records_unioned.merged_into_record_id,
        account_records_unioned.is_deleted,
        account_records_unioned.created_at
    from account_records_unioned
    inner join crm_systems
        on account_records_unioned.system = crm_systems.system

),

-- One step towards the survivor; an account merged into one that was never delivered stays itself.
merge_steps as (

    select
        account_records.own_account_id,
        account_records.system || ':' || account_records.merged_into_record_id as into_account_id
    from account_records
    inner join account_records as survivors
        on
            account_records.system = survivors.system
            and account_records.merged_into_record_id = survivors.record_id
    where account_records.merged_into_record_id <> account_records.record_id

),

chains as (

    select
        merge_steps.own_account_id,
        merge_steps.into_account_id as account_id,
        1 as steps
    from merge_steps

    union all

    select
        chains.own_account_id,
        merge_steps.into_account_id as account_id,
        chains.steps + 1 as steps
    from chains
    inner join merge_steps
        on chains.account_id = merge_steps.own_account_id
    where chains.steps < {{ longest_chain }}

),

-- The end of the chain; accounts merged in a circle have none and stay themselves.
survivors as (

    select
        chains.own_account_id,
        min(chains.account_id) as account_id
    from chains
    left join merge_steps
        on chains.account_id = merge_steps.own_account_id
    where merge_steps.own_account_id is null
    group by chains.own_account_id

),

final as (

    select
        account_records.record_key,
        account_records.system,
        account_records.object,
        account_records.record_id,
        coalesce(survivors.account_id, account_records.own_account_id) as account_id,
        account_records.account_name,
        {{ website_domain('account_records.website') }} as website_domain,
        account_records.industry,
        account_records.employees,
        account_records.country,
        account_records.owner_record_id,
        account_records.parent_record_id,
        survivors.account_id is null as is_survivor,
        coalesce(account_records.is_deleted, false) as is_deleted,
        account_records.created_at
    from account_records
    left join survivors
        on account_records.own_account_id = survivors.own_account_id

)

select * from final
