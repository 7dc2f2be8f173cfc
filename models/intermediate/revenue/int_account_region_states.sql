with accounts as (

    select * from {{ ref('int_accounts') }}

),

salesforce_histories as (

    select * from {{ ref('stg_salesforce__account_histories') }}

),

crm_histories as (

    select * from {{ ref('stg_crm__account_histories') }}

),

country_regions as (

    select * from {{ ref('int_country_regions') }}

),

histories as (

    select
        system,
        record_id,
        change_id,
        old_value,
        new_value,
        changed_at
    from salesforce_histories
    where field = 'country' and not coalesce(is_deleted, false)

    union all

    select
        system,
        record_id,
        change_id,
        old_value,
        new_value,
        changed_at
    from crm_histories
    where field = 'country' and not coalesce(is_deleted, false)

),

changes as (

    select
        accounts.account_id,
        accounts.country as present_country,
        histories.old_value,
        histories.new_value,
        histories.changed_at,
        row_number() over (
            partition by accounts.account_id
            order by histories.changed_at asc, histories.change_id asc
        ) as change_number,
        lead(histories.changed_at) over (
            partition by accounts.account_id
            order by histories.changed_at asc, histories.change_id asc
        ) as next_changed_at
    from histories
    inner join accounts
        on
            histories.system = accounts.system
            and histories.record_id = accounts.record_id

),

-- The record says what holds now, whatever its last history row claims.
countries_then as (

    select
        account_id,
        0 as state_number,
        old_value as country,
        {{ start_of_time() }} as valid_from,
        changed_at as valid_to
    from changes
    where change_number = 1

    union all

    select
        account_id,
        change_number as state_number,
        case when next_changed_at is null then present_country else new_value end as country,
        changed_at as valid_from,
        coalesce(next_changed_at, {{ end_of_time() }}) as valid_to
    from changes

),

changed_accounts as (

    select distinct account_id from changes

),

states as (

    select
        countries_then.account_id,
        countries_then.state_number,
        country_regions.region,
        countries_then.valid_from,
        countries_then.valid_to
    from countries_then
    left join country_regions
        on {{ comparable_name('countries_then.country') }} = country_regions.country_name
    -- Several changes at one instant: what was in between held for no time.
    where countries_then.valid_from < countries_then.valid_to

    union all

    select
        accounts.account_id,
        0 as state_number,
        accounts.region,
        {{ start_of_time() }} as valid_from,
        {{ end_of_time() }} as valid_to
    from accounts
    left join changed_accounts
        on accounts.account_id = changed_accounts.account_id
    where changed_accounts.account_id is null

),

final as (

    select
        account_id,
        region,
        cast(state_number as integer) as state_number,
        valid_from,
        valid_to
    from states

)

select * from final
