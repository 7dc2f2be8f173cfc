{%- set outcome_days = var('grade_outcome_days', 180) -%}

with lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

grades as (

    select * from {{ ref('dim_grades') }}

),

-- Everybody who became a lead, handed over or not: without those who were not, the matrix could
-- only be argued for. Judged by what became of them in the same time.
leads as (

    select
        lead_cycle_id,
        definition_version,
        grade,
        mql_at is not null and not is_mql_inferred as is_mql,
        {{ seconds_between('lead_at', as_of()) }} >= {{ outcome_days }} * 86400 as is_mature,
        coalesce(
            {{ seconds_between('lead_at', 'sal_at') }} <= {{ outcome_days }} * 86400, false
        ) as is_accepted,
        coalesce(
            {{ seconds_between('lead_at', 'sqo_at') }} <= {{ outcome_days }} * 86400, false
        ) as is_sqo,
        coalesce(
            {{ seconds_between('lead_at', 'won_at') }} <= {{ outcome_days }} * 86400, false
        ) as is_won,
        case
            when {{ seconds_between('lead_at', 'won_at') }} <= {{ outcome_days }} * 86400
                then cast(coalesce(amount, 0) as decimal(18, 2))
            else 0
        end as won_value
    from lead_cycles
    where
        lead_at is not null
        and not is_lead_inferred
        and person_id is not null

),

counted as (

    select
        definition_version,
        grade,
        count(*) as leads,
        sum(case when is_mql then 1 else 0 end) as mqls,
        sum(case when is_mature then 1 else 0 end) as mature_leads,
        sum(case when is_mature and is_accepted then 1 else 0 end) as accepted,
        sum(case when is_mature and is_sqo then 1 else 0 end) as sqos,
        sum(case when is_mature and is_won then 1 else 0 end) as won,
        {{ exact_sum('case when is_mature then won_value else 0 end') }} as won_value,
        {{ exact_sum('case when is_mature then won_value * won_value else 0 end') }}
            as won_value_squares
    from leads
    group by definition_version, grade

),

averaged as (

    select
        counted.*,
        case when counted.mature_leads > 0 then counted.won_value / counted.mature_leads end
            as value_per_lead,
        case
            when counted.mature_leads > 1
                then 1.959963984540054 * sqrt(
                    greatest(
                        counted.won_value_squares
                        - counted.won_value * counted.won_value / counted.mature_leads,
                        0
                    )
                    / (counted.mature_leads - 1) / counted.mature_leads
                )
        end as value_error
    from counted

),

final as (

    select
        averaged.definition_version,
        averaged.grade,
        grades.priority,
        averaged.leads,
        cast(averaged.mqls as {{ dbt.type_bigint() }}) as mqls,
        cast(averaged.mature_leads as {{ dbt.type_bigint() }}) as mature_leads,
        cast(averaged.accepted as {{ dbt.type_bigint() }}) as accepted,
        cast(averaged.sqos as {{ dbt.type_bigint() }}) as sqos,
        case when mature_leads > 0 then sqos / cast(mature_leads as double) end as sqo_rate,
        {{ wilson_bound('sqos', 'mature_leads', '1.959963984540054', 'lower') }} as sqo_rate_low,
        {{ wilson_bound('sqos', 'mature_leads', '1.959963984540054', 'upper') }} as sqo_rate_high,
        cast(averaged.won as {{ dbt.type_bigint() }}) as won,
        case when mature_leads > 0 then won / cast(mature_leads as double) end as won_rate,
        {{ wilson_bound('won', 'mature_leads', '1.959963984540054', 'lower') }} as won_rate_low,
        {{ wilson_bound('won', 'mature_leads', '1.959963984540054', 'upper') }} as won_rate_high,
        cast(averaged.won_value as decimal(18, 2)) as won_value,
        averaged.value_per_lead,
        greatest(averaged.value_per_lead - averaged.value_error, 0) as value_per_lead_low,
        averaged.value_per_lead + averaged.value_error as value_per_lead_high,
        coalesce(grades.hands_off, false) as hands_off
    from averaged
    left join grades
        on
            averaged.definition_version = grades.definition_version
            and averaged.grade = grades.grade

)

select * from final
