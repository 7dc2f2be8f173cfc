-- Fails if a side's figure less its steps is not the shared figure, for any figure, month and side.
-- The three are added up apart: the side's from its own records or its report, the steps from the
-- records that were compared, the shared one from the entries and opportunities.
with bridge as (

    select * from {{ ref('rpt_alignment_bridge') }}

),

final as (

    select
        kpi,
        side,
        period_month,
        side_value,
        steps_value,
        shared_value,
        residual
    from bridge
    where
        residual <> 0
        or side_value - steps_value <> shared_value
        or agreeing_records < 0
        or agreeing_records > records

)

select * from final
