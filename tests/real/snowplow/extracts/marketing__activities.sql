-- One row per event; a missing source stays missing.
select
    event_id as activity_id,
    domain_userid as contact_id,
    'session' as type,
    mkt_source as source,
    mkt_medium as medium,
    derived_tstamp as occurred_at
from read_csv('{data}/snowplow_fractribution_events.csv', all_varchar = true)
