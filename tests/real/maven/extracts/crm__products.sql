-- One row per product.
select
    product as product_id,
    product as name,
    series as family,
    sales_price as list_price,
    'USD' as currency
from read_csv('{data}/products.csv', all_varchar = true)
