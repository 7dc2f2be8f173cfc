-- One row per event with a transaction: a deal that began and was won in one moment.
select
    event_id as opportunity_id,
    domain_userid as primary_record_id,
    'Transaction' as name,
    'new' as type,
    'Won' as stage,
    tr_total as amount,
    'USD' as currency,
    derived_tstamp as created_at,
    left(derived_tstamp, 10) as close_date,
    true as is_closed,
    true as is_won
from read_csv('{data}/snowplow_fractribution_events.csv', all_varchar = true)
where tr_total is not null
