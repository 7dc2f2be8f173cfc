-- Fails if not exactly one model is the headline model, if none is in the range set, if a weight
-- or half-life is negative, if a model that has no rule of its own has neither weights nor a
-- half-life, or if a parameter is missing or says nothing that is known.
with attribution_models as (

    select * from {{ ref('attribution_models') }}

),

attribution_parameters as (

    select * from {{ ref('attribution_parameters') }}

),

model_counts as (

    select
        sum(case when is_headline then 1 else 0 end) as headline_models,
        sum(case when in_range then 1 else 0 end) as models_in_range
    from attribution_models

),

parameter_counts as (

    select
        sum(
            case
                when
                    parameter in ('lookback_days', 'claim_hunting_days')
                    and {{ regex_full_match('value', "'[0-9]{1,5}'") }} then 1
                when parameter = 'buying_group' and value in ('account', 'person') then 1
                else 0
            end
        ) as known_parameters
    from attribution_parameters

),

final as (

    select
        'attribution_models.csv' as what,
        'exactly one model is the headline model; found '
        || cast(coalesce(headline_models, 0) as {{ dbt.type_string() }}) as finding
    from model_counts
    where coalesce(headline_models, 0) <> 1

    union all

    select
        'attribution_models.csv' as what,
        'no model is in the range set' as finding
    from model_counts
    where coalesce(models_in_range, 0) = 0

    union all

    select
        'attribution_models.csv, model ' || model as what,
        'weights are not negative, and a model needs some or a half-life' as finding
    from attribution_models
    where
        least(
            coalesce(first, 0),
            coalesce(last, 0),
            coalesce(lead, 0),
            coalesce(opportunity, 0),
            coalesce(close, 0),
            coalesce(others, 0),
            coalesce(half_life_days, 0)
        ) < 0
        or (
            model not in ('markov', 'shapley', 'last_non_direct')
            and coalesce(half_life_days, 0) = 0
            and coalesce(first, 0) + coalesce(last, 0) + coalesce(lead, 0)
            + coalesce(opportunity, 0) + coalesce(close, 0) + coalesce(others, 0) = 0
        )

    union all

    select
        'attribution_parameters.csv' as what,
        'lookback_days and claim_hunting_days are whole numbers, buying_group is account or person'
            as finding
    from parameter_counts
    where coalesce(known_parameters, 0) <> 3

)

select * from final
