-- One row per closed opportunity: the one product sold. The pipeline writes "GTX Pro" without its space.
select
    'line-' || opportunity_id as line_id,
    opportunity_id,
    case product when 'GTXPro' then 'GTX Pro' else product end as product_id,
    1 as quantity,
    close_value as unit_price
from read_csv('{data}/sales_pipeline.csv', all_varchar = true)
where close_value is not null
