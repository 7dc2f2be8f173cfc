with source as (

    select *
    from {{ source('hubspot', 'deal') }} as delivered
    where {{ visible('delivered') }}

),

stages as (

    select * from {{ ref('stg_hubspot__deal_pipeline_stages') }}

),

deal_merges as (

    select * from {{ ref('stg_hubspot__merged_deals') }}

),

deal_contacts as (

    select * from {{ ref('stg_hubspot__deal_contacts') }}

),

deal_companies as (

    select * from {{ ref('stg_hubspot__deal_companies') }}

),

primary_contacts as (

    select
        record_id,
        person_record_id
    from deal_contacts
    where is_primary

),

ranked_companies as (

    select
        deal_record_id,
        account_record_id,
        row_number() over (
            partition by deal_record_id
            order by is_primary desc, account_record_id asc
        ) as company_rank
    from deal_companies
    where not is_deleted

),

final as (

    select
        'hubspot' as system,
        'deal' as object,
        source.deal_id as record_id,
        ranked_companies.account_record_id,
        primary_contacts.person_record_id as primary_person_record_id,
        source.dealname as opportunity_name,
        source.dealtype as opportunity_type,
        coalesce(stages.stage, source.dealstage) as stage,
        source.dealstage as stage_record_id,
        source.pipeline as pipeline_record_id,
        cast(source.amount as decimal(18, 2)) as amount,
        upper(coalesce(source.deal_currency_code, '{{ var("reporting_currency") }}')) as currency,
        cast(source.closedate as date) as close_date,
        source.lead_source,
        source.forecast_category,
        source.closed_lost_reason as loss_reason,
        source.competitor,
        source.owner_id as owner_record_id,
        source.hs_campaign as campaign_record_id,
        source.salesforceopportunityid as crm_record_id,
        deal_merges.into_record_id as merged_into_record_id,
        source.contract_start_date,
        source.contract_months,
        source.recurring_amount,
        lower(source.recurring_period) as recurring_period,
        source.renews_deal_id as renews_record_id,
        source.cancelled_at,
        coalesce(stages.is_closed, source.is_closed, source.is_won, false) as is_closed,
        coalesce(stages.is_won, source.is_won, false) as is_won,
        source.createdate as created_at,
        source._modified_at as modified_at,
        source._is_deleted or deal_merges.record_id is not null as is_deleted
    from source
    left join stages on source.dealstage = stages.record_id
    left join deal_merges on source.deal_id = deal_merges.record_id
    left join primary_contacts on source.deal_id = primary_contacts.record_id
    left join ranked_companies
        on
            source.deal_id = ranked_companies.deal_record_id
            and ranked_companies.company_rank = 1

)

select * from final
