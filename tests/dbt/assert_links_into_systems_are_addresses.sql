-- Fails if a link into a system is no web address, or says not where the id of the record goes.
select
    system,
    object,
    url_pattern
from {{ ref('system_links') }}
where
    not (url_pattern like 'https://%' or url_pattern like 'http://%')
    or url_pattern not like '%{record_id}%'
