-- One row per account.
select
    'account-' || lower(regexp_replace(account, '[^A-Za-z0-9]+', '-', 'g')) as account_id,
    account as account_name,
    case sector when 'technolgy' then 'technology' else sector end as industry,
    employees,
    case office_location when 'Philipines' then 'Philippines' when 'Romana' then 'Romania'
        when 'Korea' then 'South Korea' else office_location end as country,
    'account-' || lower(regexp_replace(subsidiary_of, '[^A-Za-z0-9]+', '-', 'g')) as parent_account_id
from read_csv('{data}/accounts.csv', all_varchar = true)
