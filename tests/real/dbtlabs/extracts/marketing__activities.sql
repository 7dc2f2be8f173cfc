-- One row per session.
select
    session_id as activity_id,
    customer_id as contact_id,
    'session' as type,
    utm_source as source,
    utm_medium as medium,
    utm_campaign as campaign,
    strptime(started_at, '%Y-%m-%d %-H:%M:%S') as occurred_at
from read_csv('{data}/sessions.csv', delim = ',', header = true, null_padding = true, all_varchar = true)
