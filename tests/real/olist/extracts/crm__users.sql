-- One row per sales development or sales representative named on a deal.
select distinct
    user_id,
    'Representative ' || left(user_id, 8) as name,
    'sales' as role,
    'sales' as team,
    true as is_active
from (
    select sr_id as user_id
    from read_csv('{data}/olist_closed_deals_dataset.csv', all_varchar = true)
    union all
    select sdr_id as user_id
    from read_csv('{data}/olist_closed_deals_dataset.csv', all_varchar = true)
)
where user_id is not null
