-- One row per transaction: its moment.
select
    event_id as opportunity_id,
    'Won' as stage,
    tr_total as amount,
    'USD' as currency,
    left(derived_tstamp, 10) as close_date,
    derived_tstamp as changed_at
from read_csv('{data}/snowplow_fractribution_events.csv', all_varchar = true)
where tr_total is not null
