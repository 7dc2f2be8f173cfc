-- Fails if in any model the credit of a conversion is not its value to the cent, if a model leaves
-- a conversion out, if the shares of one are not all of it, or if credit has another sign than the
-- value. It does not claim that the shares are the right ones. A build that adds to the last one
-- looks at the credit that it computed; all other was looked at when it was.
with lookups as (

    select * from {{ ref('int_conversion_lookups') }}

),

changed as (

    select lookups.lookup_key as conversion_id
    from lookups
    inner join {{ ref('stg_concord__build_context') }} as build_context
        on lookups.changed_in = build_context.build_number
    where lookups.lookup_kind = 'conversion'

),

conversions as (

    select * from {{ ref('fct_conversions') }}

),

credits as (

    select * from {{ ref('fct_credits') }}
    where model = 'markov' or conversion_id in (select changed.conversion_id from changed)

),

attribution_models as (

    select * from {{ ref('attribution_models') }}

),

agreed as (

    select
        count(*) as models,
        count(case when model = 'markov' then 1 end) as following_effects
    from attribution_models

),

credited as (

    select
        conversion_id,
        model,
        sum(credit_amount) as credit_amount,
        sum(credit_share) as credit_share,
        min(credit_amount) as least_credit,
        max(credit_amount) as greatest_credit
    from credits
    group by conversion_id, model

),

model_counts as (

    select
        conversion_id,
        count(*) as models
    from credited
    group by conversion_id

),

final as (

    select
        conversions.conversion_id,
        credited.model,
        conversions.value,
        credited.credit_amount,
        credited.credit_share
    from conversions
    inner join credited on conversions.conversion_id = credited.conversion_id
    where
        credited.credit_amount <> conversions.value
        or abs(credited.credit_share - 1) > 1e-9
        or credited.least_credit < least(conversions.value, 0)
        or credited.greatest_credit > greatest(conversions.value, 0)

    union all

    select
        conversions.conversion_id,
        'of all models only ' || cast(coalesce(model_counts.models, 0) as {{ dbt.type_string() }})
            as model,
        conversions.value,
        null as credit_amount,
        null as credit_share
    from conversions
    left join changed on conversions.conversion_id = changed.conversion_id
    left join model_counts on conversions.conversion_id = model_counts.conversion_id
    where
        coalesce(model_counts.models, 0) <> case
            when changed.conversion_id is not null then (select agreed.models from agreed)
            else (select agreed.following_effects from agreed)
        end

)

select * from final
