{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['lookup_kind', 'lookup_key'],
    on_schema_change='fail',
) }}

with contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

email_campaigns as (

    select * from {{ ref('stg_hubspot__email_campaigns') }}

),

addresses as (

    select
        lower(trim(contacts.email)) as recipient,
        contacts.record_id,
        row_number() over (
            partition by lower(trim(contacts.email))
            order by
                contacts.is_deleted asc,
                contacts.created_at asc nulls last,
                contacts.record_id asc
        ) as address_rank
    from contacts
    where contacts.email is not null

),

values_now as (

    select
        'contact_merge' as lookup_kind,
        contact_merges.record_id as lookup_key,
        contact_merges.record_id as subject_id,
        contact_merges.into_record_id as found_value
    from contact_merges

    union all

    select
        'address' as lookup_kind,
        addresses.recipient as lookup_key,
        addresses.recipient as subject_id,
        addresses.record_id as found_value
    from addresses
    where addresses.address_rank = 1

    union all

    select
        'email_campaign' as lookup_kind,
        email_campaigns.record_id as lookup_key,
        email_campaigns.record_id as subject_id,
        coalesce(email_campaigns.email_name, '') || '|' || coalesce(email_campaigns.content_id, '')
        || '|' || case when email_campaigns.email_name is null then 'n' else '' end
        || case when email_campaigns.content_id is null then 'c' else '' end as found_value
    from email_campaigns

),

final as (

    {{ remembered_values('values_now') }}

)

select * from final
