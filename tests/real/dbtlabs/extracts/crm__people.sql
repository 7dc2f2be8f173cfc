-- One row per customer who bought.
select
    customer_id as record_id,
    'contact' as record_type,
    strptime(converted_at, '%Y-%m-%d %-H:%M:%S') as created_at
from read_csv('{data}/customer_conversions.csv', all_varchar = true)
