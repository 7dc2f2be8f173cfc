{% macro quarters_and_trailing_years(counted) %}
quarters as (

    select distinct quarter_start_date
    from {{ counted }}

),

periods as (

    select
        'fiscal_quarter' as period_grain,
        quarter_start_date,
        quarter_start_date as counted_quarter_start_date
    from quarters

    union all

    select
        'trailing_year' as period_grain,
        quarters.quarter_start_date,
        counted_quarters.quarter_start_date as counted_quarter_start_date
    from quarters
    inner join quarters as counted_quarters
        on
            quarters.quarter_start_date >= counted_quarters.quarter_start_date
            and cast({{ dbt.dateadd('month', -12, 'quarters.quarter_start_date') }} as date)
            < counted_quarters.quarter_start_date

)
{%- endmacro %}
