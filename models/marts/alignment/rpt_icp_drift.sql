{%- set minimum = var('icp_minimum_leads', 200) -%}
{%- set threshold = var('icp_drift_threshold', 0.25) -%}
{%- set minor_share = var('icp_minor_value_share', 0.02) -%}

with icp_attributes as (

    select * from {{ ref('fct_icp_attributes') }}

),

definition_versions as (

    select * from {{ ref('dim_definition_versions') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

leads as (

    select
        icp_attributes.attribute,
        icp_attributes.attribute_value,
        dates.fiscal_quarter_start_date as quarter_start_date
    from icp_attributes
    inner join dates on icp_attributes.subject_date = dates.date_day
    where icp_attributes.subject_type = 'lead'

),

quarter_values as (

    select
        quarter_start_date,
        attribute,
        attribute_value,
        count(*) as leads
    from leads
    group by quarter_start_date, attribute, attribute_value

),

quarters as (

    select
        quarter_start_date,
        attribute,
        cast(sum(leads) as {{ dbt.type_bigint() }}) as leads
    from quarter_values
    group by quarter_start_date, attribute

),

profiles as (

    select
        attribute,
        max(definition_version) as definition_version
    from icp_attributes
    group by attribute

),

-- The day of the later signature; a profile without both is compared from when it is in force.
signed as (

    select
        profiles.attribute,
        case
            when definition_versions.is_signed
                then greatest(
                    definition_versions.marketing_signed_date, definition_versions.sales_signed_date
                )
            else {{ business_date('definition_versions.effective_from_at') }}
        end as signed_date
    from profiles
    inner join definition_versions
        on profiles.definition_version = definition_versions.definition_version

),

-- A company that signed before its first lead is compared with the quarter of its first leads.
baselines as (

    select
        quarters.attribute,
        max(signed.signed_date) as signed_date,
        greatest(
            max({{ fiscal_quarter_start('signed.signed_date') }}),
            min(quarters.quarter_start_date)
        ) as baseline_quarter_start_date
    from quarters
    left join signed on quarters.attribute = signed.attribute
    group by quarters.attribute

),

compared as (

    select
        quarters.quarter_start_date,
        quarters.attribute,
        quarters.leads,
        baselines.signed_date,
        baselines.baseline_quarter_start_date,
        coalesce(baseline_quarters.leads, 0) as baseline_leads,
        case
            when quarters.quarter_start_date < baselines.baseline_quarter_start_date
                then 'before the signing quarter'
            when coalesce(baseline_quarters.leads, 0) < {{ minimum }}
                then 'fewer than {{ minimum }} leads in the signing quarter'
            when quarters.leads < {{ minimum }} then 'fewer than {{ minimum }} leads'
        end as reason
    from quarters
    inner join baselines on quarters.attribute = baselines.attribute
    left join quarters as baseline_quarters
        on
            baselines.attribute = baseline_quarters.attribute
            and baselines.baseline_quarter_start_date = baseline_quarters.quarter_start_date

),

-- Both sides of each comparison, also values that only one of them has.
sides as (

    select
        compared.quarter_start_date,
        compared.attribute,
        quarter_values.attribute_value,
        quarter_values.leads as value_leads,
        0 as baseline_value_leads
    from compared
    inner join quarter_values
        on
            compared.attribute = quarter_values.attribute
            and compared.quarter_start_date = quarter_values.quarter_start_date

    union all

    select
        compared.quarter_start_date,
        compared.attribute,
        quarter_values.attribute_value,
        0 as value_leads,
        quarter_values.leads as baseline_value_leads
    from compared
    inner join quarter_values
        on
            compared.attribute = quarter_values.attribute
            and compared.baseline_quarter_start_date = quarter_values.quarter_start_date

),

value_pairs as (

    select
        quarter_start_date,
        attribute,
        attribute_value,
        sum(value_leads) as value_leads,
        sum(baseline_value_leads) as baseline_value_leads
    from sides
    group by quarter_start_date, attribute, attribute_value

),

-- Many rare values would make an index of chance alone; together they are one.
pooled as (

    select
        compared.quarter_start_date,
        compared.attribute,
        compared.leads,
        compared.baseline_leads,
        case
            when
                value_pairs.value_leads + value_pairs.baseline_value_leads
                < {{ minor_share }} * (compared.leads + compared.baseline_leads)
                then '(rare values)'
            else value_pairs.attribute_value
        end as attribute_value,
        sum(value_pairs.value_leads) as value_leads,
        sum(value_pairs.baseline_value_leads) as baseline_value_leads
    from compared
    inner join value_pairs
        on
            compared.quarter_start_date = value_pairs.quarter_start_date
            and compared.attribute = value_pairs.attribute
    where compared.reason is null
    group by
        compared.quarter_start_date,
        compared.attribute,
        compared.leads,
        compared.baseline_leads,
        case
            when
                value_pairs.value_leads + value_pairs.baseline_value_leads
                < {{ minor_share }} * (compared.leads + compared.baseline_leads)
                then '(rare values)'
            else value_pairs.attribute_value
        end

),

smoothed as (

    select
        quarter_start_date,
        attribute,
        attribute_value,
        count(*) over (partition by quarter_start_date, attribute) as values_compared,
        (value_leads + 0.5e0)
        / (leads + 0.5e0 * count(*) over (partition by quarter_start_date, attribute)) as share,
        (baseline_value_leads + 0.5e0)
        / (baseline_leads + 0.5e0 * count(*) over (partition by quarter_start_date, attribute))
            as baseline_share,
        1e0 / leads + 1e0 / baseline_leads as sampling
    from pooled

),

terms as (

    select
        *,
        (share - baseline_share) * ln(share / baseline_share) as term,
        row_number() over (
            partition by quarter_start_date, attribute
            order by
                round((share - baseline_share) * ln(share / baseline_share), 12) desc,
                attribute_value asc
        ) as place
    from smoothed

),

indices as (

    select
        quarter_start_date,
        attribute,
        {{ exact_sum('term') }} as stability_index,
        max(values_compared) as values_compared,
        max((values_compared - 1) * sampling) as expected_by_chance,
        max(case when place = 1 and term > 0 then attribute_value end) as most_shifted_value,
        max(case when place = 1 and term > 0 then share end) as most_shifted_share,
        max(case when place = 1 and term > 0 then baseline_share end)
            as most_shifted_baseline_share
    from terms
    group by quarter_start_date, attribute

),

judged as (

    select
        compared.quarter_start_date,
        compared.attribute,
        compared.leads,
        compared.signed_date,
        compared.baseline_quarter_start_date,
        compared.baseline_leads,
        compared.reason,
        indices.stability_index,
        indices.values_compared,
        indices.expected_by_chance,
        indices.most_shifted_value,
        indices.most_shifted_share,
        indices.most_shifted_baseline_share
    from compared
    left join indices
        on
            compared.quarter_start_date = indices.quarter_start_date
            and compared.attribute = indices.attribute

),

-- The index of independent attributes taken together is the sum of theirs.
overall as (

    select
        quarter_start_date,
        '(overall)' as attribute,
        max(leads) as leads,
        max(signed_date) as signed_date,
        max(baseline_quarter_start_date) as baseline_quarter_start_date,
        max(baseline_leads) as baseline_leads,
        max(reason) as reason,
        {{ exact_sum('stability_index') }} as stability_index,
        cast(sum(values_compared) as {{ dbt.type_bigint() }}) as values_compared,
        {{ exact_sum('expected_by_chance') }} as expected_by_chance,
        cast(null as {{ dbt.type_string() }}) as most_shifted_value,
        cast(null as double) as most_shifted_share,
        cast(null as double) as most_shifted_baseline_share
    from judged
    group by quarter_start_date

),

all_rows as (

    select * from judged

    union all

    select * from overall

),

final as (

    select
        attribute,
        reason,
        most_shifted_value,
        leads,
        baseline_leads,
        values_compared,
        stability_index,
        cast({{ threshold }} as double) as drift_threshold,
        expected_by_chance,
        most_shifted_share,
        most_shifted_baseline_share,
        stability_index >= {{ threshold }} as is_drift,
        signed_date,
        baseline_quarter_start_date,
        quarter_start_date
    from all_rows

)

select * from final
