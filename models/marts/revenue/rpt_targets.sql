with target_quarters as (

    select * from {{ ref('fct_target_quarters') }}

),

final as (

    select
        target_quarter_id,
        kpi,
        opportunity_type,
        plan_version,
        target_note,
        pacing_note,
        fiscal_year,
        fiscal_quarter,
        business_day_number,
        business_days,
        pacing_quarters,
        target_value,
        actual_value,
        cast(actual_value - target_value as decimal(18, 2)) as gap_value,
        cast(actual_value as double) / nullif(target_value, 0) as attainment_rate,
        expected_share,
        expected_to_date,
        cast(actual_value - expected_to_date as decimal(18, 2)) as pace_gap_value,
        cast(actual_value as double) / nullif(expected_to_date, 0) as pace_rate,
        is_current,
        is_complete,
        quarter_start_date,
        quarter_end_date
    from target_quarters

)

select * from final
