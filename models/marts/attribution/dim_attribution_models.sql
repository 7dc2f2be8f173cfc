with attribution_models as (

    select * from {{ ref('attribution_models') }}

),

final as (

    select
        model,
        {{ attribution_parameter('buying_group', dbt.type_string()) }} as buying_group,
        first as first_weight,
        last as last_weight,
        lead as lead_weight,
        opportunity as opportunity_weight,
        close as close_weight,
        others as others_weight,
        half_life_days,
        {{ attribution_parameter('lookback_days', dbt.type_int()) }} as lookback_days,
        is_headline,
        in_range as is_in_range
    from attribution_models

)

select * from final
