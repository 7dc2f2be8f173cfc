{%- set slices = ['opportunity_type', 'segment', 'region', 'team'] -%}

with targets as (

    select * from {{ ref('stg_finance__targets') }}

),

delivered as (

    select
        record_id,
        lower(trim(kpi)) as kpi,
        {{ month_start('month') }} as target_month,
        coalesce(nullif(trim(plan_version), ''), '(only)') as plan_version,
        {%- for slice in slices %}
            coalesce(nullif(trim({{ slice }}), ''), '(all)') as {{ slice }},
        {%- endfor %}
        cast(target_value as decimal(18, 4)) as target_value,
        modified_at
    from targets
    where not coalesce(is_deleted, false) and target_value is not null

),

-- Of several plans for a month the one that was touched last is in force; equal ones by their name.
versions as (

    select
        kpi,
        target_month,
        plan_version,
        row_number() over (
            partition by kpi, target_month
            order by max(modified_at) desc nulls last, plan_version desc
        ) as recency
    from delivered
    group by kpi, target_month, plan_version

),

-- How finely a row plans: the fewer slices it names, the nearer it is to the whole.
levelled as (

    select
        delivered.*,
        coalesce(versions.recency = 1, false) as is_in_force,
        {%- for slice in slices %}
            case
                when delivered.{{ slice }} = '(all)' then 0
                else {{ 10000 + 10 ** loop.index0 }}
            end{{ ' +' if not loop.last else ' as grain_rank' }}
        {%- endfor %}
    from delivered
    inner join versions
        on
            delivered.kpi = versions.kpi
            and delivered.target_month = versions.target_month
            and delivered.plan_version = versions.plan_version

),

ranked as (

    select
        *,
        min(grain_rank) over (partition by kpi, target_month, plan_version) as coarsest_rank,
        min(case when opportunity_type <> '(all)' then grain_rank end) over (
            partition by kpi, target_month, plan_version, opportunity_type
        ) as coarsest_rank_of_type
    from levelled

),

final as (

    select
        record_id as target_id,
        kpi,
        plan_version,
        {%- for slice in slices %}
            {{ slice }},
        {%- endfor %}
        target_value,
        is_in_force,
        is_in_force and grain_rank = coarsest_rank as is_company_total,
        is_in_force
        and opportunity_type <> '(all)'
        and grain_rank = coarsest_rank_of_type as is_type_total,
        target_month <= {{ business_date(as_of()) }} as is_begun,
        target_month
    from ranked

)

select * from final
