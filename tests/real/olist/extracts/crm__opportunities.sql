-- One row per closed deal. The data set has no deal value, so the amount stays empty.
select
    'deal-' || mql_id as opportunity_id,
    mql_id as primary_record_id,
    'Seller ' || left(seller_id, 8) as name,
    'new' as type,
    'Won' as stage,
    cast(null as decimal(18, 2)) as amount,
    won_date as created_at,
    won_date as close_date,
    true as is_closed,
    true as is_won,
    sr_id as owner_id
from read_csv('{data}/olist_closed_deals_dataset.csv', all_varchar = true)
