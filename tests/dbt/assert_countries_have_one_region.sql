-- Fails if the seed `regions` gives one country, under two of its spellings, to two regions.
with regions as (

    select * from {{ ref('regions') }}

),

countries as (

    select * from {{ ref('countries') }}

),

resolved as (

    select
        regions.region,
        coalesce(countries.iso2, {{ comparable_name('regions.country') }}) as country_code
    from regions
    left join countries
        on {{ comparable_name('regions.country') }} = {{ comparable_name('countries.country') }}

),

final as (

    select
        resolved.country_code,
        min(resolved.region) as one_region,
        max(resolved.region) as other_region
    from resolved
    group by resolved.country_code
    having min(resolved.region) <> max(resolved.region)

)

select * from final
