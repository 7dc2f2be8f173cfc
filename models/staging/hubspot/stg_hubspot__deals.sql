-- A deal of which only versions later than as_of were delivered is rebuilt from its history. Where
-- that does not say in which stage it stood then, it is not seen: it might be won too early.
with deals as (

    select * from {{ source('hubspot', 'deal') }}

),

histories as (

    select * from {{ ref('stg_hubspot__deal_histories_uncut') }}

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

{{ versions_as_of('deals', 'createdate') }},

values_then as (

    {{ values_before_changes(
        'histories',
        [
            'opportunity_name',
            'opportunity_type',
            'stage_record_id',
            'pipeline_record_id',
            'amount',
            'currency',
            'close_date',
            'lead_source',
            'forecast_category',
            'loss_reason',
            'competitor',
            'owner_record_id',
        ]
    ) }}

),

deals_with_a_stage_then as (

    select distinct histories.record_id
    from histories
    where
        histories.field = 'stage_record_id'
        and not histories.is_to_come

),

deals_then as (

    select
        deals.deal_id,
        {{ value_as_of('deals', 'dealname', 'opportunity_name') }} as opportunity_name,
        {{ value_as_of('deals', 'dealtype', 'opportunity_type') }} as opportunity_type,
        {{ value_as_of('deals', 'dealstage', 'stage_record_id') }} as stage_record_id,
        {{ value_as_of('deals', 'pipeline', 'pipeline_record_id') }} as pipeline_record_id,
        case
            when deals.is_rebuilt and values_then.has_amount
                then {{ dbt.safe_cast('values_then.amount', 'decimal(18, 2)') }}
            else cast(deals.amount as decimal(18, 2))
        end as amount,
        {{ value_as_of('deals', 'deal_currency_code', 'currency') }} as currency,
        case
            when deals.is_rebuilt and values_then.has_close_date
                then cast({{ text_to_timestamp('values_then.close_date') }} as date)
            else cast(deals.closedate as date)
        end as close_date,
        {{ value_as_of('deals', 'lead_source', 'lead_source') }} as lead_source,
        {{ value_as_of('deals', 'forecast_category', 'forecast_category') }}
            as forecast_category,
        {{ value_as_of('deals', 'closed_lost_reason', 'loss_reason') }} as loss_reason,
        {{ value_as_of('deals', 'competitor', 'competitor') }} as competitor,
        {{ value_as_of('deals', 'owner_id', 'owner_record_id') }} as owner_record_id,
        deals.hs_campaign as campaign_record_id,
        deals.salesforceopportunityid as crm_record_id,
        deals.contract_start_date,
        deals.contract_months,
        deals.recurring_amount,
        lower(deals.recurring_period) as recurring_period,
        deals.renews_deal_id as renews_record_id,
        case
            when not deals.is_rebuilt or deals.cancelled_at <= {{ as_of() }}
                then deals.cancelled_at
        end as cancelled_at,
        -- The flags say how the deal stands now, so they say nothing of a stage that it left since.
        case
            when not (deals.is_rebuilt and coalesce(values_then.has_stage_record_id, false))
                then deals.is_closed
        end as is_closed,
        case
            when not (deals.is_rebuilt and coalesce(values_then.has_stage_record_id, false))
                then deals.is_won
        end as is_won,
        deals.createdate as created_at,
        case when not deals.is_rebuilt then deals._modified_at end as modified_at,
        not deals.is_rebuilt and deals._is_deleted as is_deleted
    from deals_as_of as deals
    left join values_then
        on deals.deal_id = values_then.record_id
    left join deals_with_a_stage_then
        on deals.deal_id = deals_with_a_stage_then.record_id
    where
        not deals.is_rebuilt
        or deals_with_a_stage_then.record_id is not null

),

final as (

    select
        'hubspot' as system,
        'deal' as object,
        deals_then.deal_id as record_id,
        ranked_companies.account_record_id,
        primary_contacts.person_record_id as primary_person_record_id,
        deals_then.opportunity_name,
        deals_then.opportunity_type,
        coalesce(stages.stage, deals_then.stage_record_id) as stage,
        deals_then.stage_record_id,
        deals_then.pipeline_record_id,
        deals_then.amount,
        upper(coalesce(deals_then.currency, '{{ var("reporting_currency") }}')) as currency,
        deals_then.close_date,
        deals_then.lead_source,
        deals_then.forecast_category,
        deals_then.loss_reason,
        deals_then.competitor,
        deals_then.owner_record_id,
        deals_then.campaign_record_id,
        deals_then.crm_record_id,
        deal_merges.into_record_id as merged_into_record_id,
        deals_then.contract_start_date,
        deals_then.contract_months,
        deals_then.recurring_amount,
        deals_then.recurring_period,
        deals_then.renews_record_id,
        deals_then.cancelled_at,
        coalesce(stages.is_closed, deals_then.is_closed, deals_then.is_won, false) as is_closed,
        coalesce(stages.is_won, deals_then.is_won, false) as is_won,
        deals_then.created_at,
        deals_then.modified_at,
        deals_then.is_deleted or deal_merges.record_id is not null as is_deleted
    from deals_then
    left join stages on deals_then.stage_record_id = stages.record_id
    left join deal_merges on deals_then.deal_id = deal_merges.record_id
    left join primary_contacts on deals_then.deal_id = primary_contacts.record_id
    left join ranked_companies
        on
            deals_then.deal_id = ranked_companies.deal_record_id
            and ranked_companies.company_rank = 1

)

select * from final
