-- One row per purchase: the moment of the win, which a close date alone would not tell.
select
    'purchase-' || customer_id as opportunity_id,
    'Won' as stage,
    revenue as amount,
    'USD' as currency,
    cast(strptime(converted_at, '%Y-%m-%d %-H:%M:%S') as date) as close_date,
    strptime(converted_at, '%Y-%m-%d %-H:%M:%S') as changed_at
from read_csv('{data}/customer_conversions.csv', all_varchar = true)
