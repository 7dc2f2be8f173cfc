-- Kaplan and Meier: a deal that still stands in a stage is counted as long as it has been seen
-- there, and no longer, instead of being left out, which would make slow stages look fast.
with opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

compared as (

    select
        opportunity_id,
        system,
        lower(trim(stage)) as stage_key,
        state_number,
        is_synthetic,
        is_closed,
        valid_from,
        lag(lower(trim(stage))) over (
            partition by opportunity_id
            order by state_number asc
        ) as previous_stage_key
    from opportunity_states

),

entries as (

    select
        opportunity_id,
        system,
        stage_key,
        is_synthetic,
        is_closed,
        valid_from as entered_at,
        lead(valid_from) over (
            partition by opportunity_id
            order by state_number asc
        ) as left_at
    from compared
    where stage_key is distinct from previous_stage_key

),

-- What was not written down when it happened has no duration that could teach anything.
stays as (

    select
        system,
        stage_key,
        {{ seconds_between('entered_at', 'coalesce(left_at, ' ~ as_of() ~ ')') }} / 86400 as days,
        left_at is not null as has_left
    from entries
    where
        stage_key is not null
        and not is_synthetic
        and not is_closed

),

durations as (

    select
        system,
        stage_key,
        days,
        count(*) as stays,
        sum(case when has_left then 1 else 0 end) as departures
    from stays
    group by system, stage_key, days

),

at_risk as (

    select
        system,
        stage_key,
        days,
        stays,
        departures,
        sum(stays) over (
            partition by system, stage_key
            order by days desc
            rows between unbounded preceding and current row
        ) as still_there
    from durations

),

-- Where everybody leaves, nobody remains, whatever the logarithm of nothing may be.
logarithms as (

    select
        system,
        stage_key,
        days,
        stays,
        departures,
        case when departures = still_there then 0 else 1 end as remains,
        case
            when departures = still_there then 0
            else ln(1 - cast(departures as double) / still_there)
        end as log_share
    from at_risk

),

accumulated as (

    select
        system,
        stage_key,
        days,
        stays,
        departures,
        min(remains) over (
            partition by system, stage_key
            order by days asc
            rows between unbounded preceding and current row
        ) as remains,
        sum(log_share) over (
            partition by system, stage_key
            order by days asc
            rows between unbounded preceding and current row
        ) as log_share
    from logarithms

),

survival as (

    select
        system,
        stage_key,
        days,
        stays,
        departures,
        remains * exp(log_share) as share_still_there
    from accumulated

),

final as (

    select
        system,
        stage_key,
        sum(stays) as stays,
        sum(departures) as departures,
        -- The tolerance stands for the last digits that a product of shares may lose.
        min(case when share_still_there <= 0.5 + 1e-9 then days end) as median_days,
        min(case when share_still_there <= 0.1 + 1e-9 then days end) as p90_days
    from survival
    group by system, stage_key

)

select * from final
