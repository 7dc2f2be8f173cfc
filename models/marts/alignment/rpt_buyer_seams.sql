with seams as (

    select * from {{ ref('fct_buyer_seams') }}

),

final as (

    select
        seam,
        owner_team,
        count(*) as base,
        cast(sum(case when is_case then 1 else 0 end) as {{ dbt.type_bigint() }}) as cases,
        sum(case when is_case then 1 else 0 end) / cast(count(*) as double) as case_rate,
        {{ exact_sum('case when is_case then extent else 0 end') }} as extent,
        max(case when is_case then extent end) as worst_extent,
        cast(sum(case when is_case then money else 0 end) as decimal(18, 2)) as money,
        {{ month_start('seam_date') }} as period_month
    from seams
    group by seam, owner_team, {{ month_start('seam_date') }}

)

select * from final
