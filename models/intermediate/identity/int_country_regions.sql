with countries as (

    select * from {{ ref('countries') }}

),

regions as (

    select * from {{ ref('regions') }}

),

spellings as (

    select
        {{ comparable_name('countries.country') }} as country_name,
        min(countries.iso2) as iso2
    from countries
    group by {{ comparable_name('countries.country') }}

),

-- A region may be given to a country under any of its spellings, and to one that no list knows.
region_countries as (

    select
        coalesce(spellings.iso2, {{ comparable_name('regions.country') }}) as country_code,
        min(regions.region) as region
    from regions
    left join spellings
        on {{ comparable_name('regions.country') }} = spellings.country_name
    group by coalesce(spellings.iso2, {{ comparable_name('regions.country') }})

),

final as (

    select
        spellings.country_name,
        spellings.iso2,
        region_countries.region
    from spellings
    left join region_countries
        on spellings.iso2 = region_countries.country_code

    union all

    select
        region_countries.country_code as country_name,
        cast(null as {{ dbt.type_string() }}) as iso2,
        region_countries.region
    from region_countries
    left join spellings
        on region_countries.country_code = spellings.iso2
    where spellings.iso2 is null

)

select * from final
