-- One row per visitor with a transaction.
select
    domain_userid as record_id,
    'contact' as record_type,
    min(derived_tstamp) as created_at
from read_csv('{data}/snowplow_fractribution_events.csv', all_varchar = true)
where tr_total is not null
group by domain_userid
