-- One row per purchase: a deal that began and was won in one moment.
select
    'purchase-' || customer_id as opportunity_id,
    customer_id as primary_record_id,
    'Purchase ' || customer_id as name,
    'new' as type,
    'Won' as stage,
    revenue as amount,
    'USD' as currency,
    strptime(converted_at, '%Y-%m-%d %-H:%M:%S') as created_at,
    cast(strptime(converted_at, '%Y-%m-%d %-H:%M:%S') as date) as close_date,
    true as is_closed,
    true as is_won
from read_csv('{data}/customer_conversions.csv', all_varchar = true)
