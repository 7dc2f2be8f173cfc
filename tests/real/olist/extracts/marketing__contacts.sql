-- One row per marketing qualified lead; a missing origin stays missing. A lead that was won is known to
-- the CRM under the same id.
select
    leads.mql_id as contact_id,
    'mql' as lifecycle_stage,
    leads.origin as source,
    case when deals.mql_id is not null then leads.mql_id end as crm_record_id,
    leads.first_contact_date as created_at
from read_csv('{data}/olist_marketing_qualified_leads_dataset.csv', all_varchar = true) as leads
left join read_csv('{data}/olist_closed_deals_dataset.csv', all_varchar = true) as deals
    on leads.mql_id = deals.mql_id
