-- One row per visitor; those with a transaction are known to the CRM under the same id.
select
    domain_userid as contact_id,
    max(case when tr_total is not null then domain_userid end) as crm_record_id,
    min(derived_tstamp) as created_at
from read_csv('{data}/snowplow_fractribution_events.csv', all_varchar = true)
group by domain_userid
