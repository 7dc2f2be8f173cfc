-- An opportunity of which only versions later than as_of were delivered is rebuilt from its
-- history: its last state then, open unless the stage it stood in is a closed one. Without a
-- history it is not seen.
with opportunities as (

    select * from {{ source('salesforce', 'opportunity') }}

),

histories as (

    select * from {{ ref('stg_salesforce__opportunity_histories') }}

),

{{ versions_as_of('opportunities', 'created_date') }},

{{ opportunity_states_then('opportunities', 'histories', 'stage_name') }},

final as (

    select
        'salesforce' as system,
        'opportunity' as object,
        opportunities.id as record_id,
        opportunities.account_id as account_record_id,
        opportunities.primary_contact_id as primary_person_record_id,
        opportunities.name as opportunity_name,
        opportunities.type as opportunity_type,
        case
            when opportunities.is_rebuilt then states_then.stage
            else opportunities.stage_name
        end as stage,
        case
            when opportunities.is_rebuilt then states_then.amount
            else opportunities.amount
        end as amount,
        case
            when
                opportunities.is_rebuilt
                then coalesce(states_then.currency, opportunities.currency_iso_code)
            else opportunities.currency_iso_code
        end as currency,
        case
            when opportunities.is_rebuilt then states_then.close_date
            else opportunities.close_date
        end as close_date,
        opportunities.lead_source,
        case when not opportunities.is_rebuilt then opportunities.forecast_category end
            as forecast_category,
        case
            when
                not opportunities.is_rebuilt or states_then.is_closed
                then opportunities.loss_reason
        end as loss_reason,
        opportunities.competitor,
        case
            when opportunities.is_rebuilt
                then coalesce(states_then.owner_record_id, opportunities.owner_id)
            else opportunities.owner_id
        end as owner_record_id,
        opportunities.campaign_id as campaign_record_id,
        opportunities.contract_start_date,
        opportunities.contract_months,
        opportunities.recurring_amount,
        case
            when lower(opportunities.recurring_period) in ('month', 'monthly') then 'month'
            when lower(opportunities.recurring_period) in ('year', 'annual') then 'year'
        end as recurring_period,
        opportunities.renews_opportunity_id as renews_record_id,
        case
            when not opportunities.is_rebuilt or opportunities.cancelled_at <= {{ as_of() }}
                then opportunities.cancelled_at
        end as cancelled_at,
        case
            when opportunities.is_rebuilt then states_then.is_closed
            else opportunities.is_closed
        end as is_closed,
        case
            when opportunities.is_rebuilt then states_then.is_won
            else opportunities.is_won
        end as is_won,
        opportunities.created_date as created_at,
        case when not opportunities.is_rebuilt then opportunities._modified_at end as modified_at,
        (
            not opportunities.is_rebuilt
            and (
                opportunities._is_deleted
                or not coalesce(opportunities._fivetran_active, true)
            )
        ) as is_deleted
    from opportunities_as_of as opportunities
    left join states_then
        on opportunities.id = states_then.record_id
    where
        not opportunities.is_rebuilt
        or states_then.record_id is not null

)

select * from final
