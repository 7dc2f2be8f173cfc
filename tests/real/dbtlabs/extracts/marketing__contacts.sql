-- One row per customer who visited or bought; those who bought are known to the CRM under the same id.
with sessions as (
    select customer_id, strptime(started_at, '%Y-%m-%d %-H:%M:%S') as started_at
    from read_csv('{data}/sessions.csv', delim = ',', header = true, null_padding = true, all_varchar = true)
),
conversions as (
    select customer_id, strptime(converted_at, '%Y-%m-%d %-H:%M:%S') as converted_at
    from read_csv('{data}/customer_conversions.csv', all_varchar = true)
)
select
    customer_id as contact_id,
    max(case when is_buyer then customer_id end) as crm_record_id,
    min(seen_at) as created_at
from (
    select customer_id, started_at as seen_at, false as is_buyer from sessions
    union all
    select customer_id, converted_at, true from conversions
)
group by customer_id
