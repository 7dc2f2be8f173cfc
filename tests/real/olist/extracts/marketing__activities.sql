-- One row per form that a lead filled in on a landing page; the origin says where it came from.
select
    'form-' || mql_id as activity_id,
    mql_id as contact_id,
    'form_submit' as type,
    origin as source,
    landing_page_id as content_id,
    first_contact_date as occurred_at
from read_csv('{data}/olist_marketing_qualified_leads_dataset.csv', all_varchar = true)
