-- One row per lead that became a seller: the CRM's own record of it, converted on the day it was won.
select
    mql_id as record_id,
    'lead' as record_type,
    sr_id as owner_id,
    'Won' as status,
    won_date as created_at,
    won_date as converted_at,
    'deal-' || mql_id as converted_opportunity_id
from read_csv('{data}/olist_closed_deals_dataset.csv', all_varchar = true)
