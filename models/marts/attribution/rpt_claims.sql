with claims as (

    select * from {{ ref('fct_claims') }}

),

conversions as (

    select * from {{ ref('fct_conversions') }}

),

channels as (

    select * from {{ ref('dim_channels') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

-- A conversion belongs to its month, to its fiscal quarter, and to all of history.
period_days as (

    select
        date_day,
        'month' as period_grain,
        month_start_date as period_month
    from dates

    union all

    select
        date_day,
        'fiscal_quarter' as period_grain,
        fiscal_quarter_start_date as period_month
    from dates

    union all

    select
        date_day,
        'all' as period_grain,
        cast(null as date) as period_month
    from dates

),

conversion_periods as (

    select
        conversions.conversion_id,
        conversions.conversion_type,
        conversions.value,
        conversions.self_reported_channel,
        period_days.period_grain,
        period_days.period_month
    from conversions
    inner join period_days on conversions.converted_date = period_days.date_day

),

claimants as (

    select
        conversion_id,
        count(distinct team) as teams
    from claims
    group by conversion_id

),

actual as (

    select
        conversion_periods.period_grain,
        conversion_periods.period_month,
        conversion_periods.conversion_type,
        count(*) as conversions,
        sum(conversion_periods.value) as value,
        count(conversion_periods.self_reported_channel) as answers
    from conversion_periods
    group by
        conversion_periods.period_grain,
        conversion_periods.period_month,
        conversion_periods.conversion_type

),

-- What the buyers themselves said, by the team whose channel they named.
self_reported as (

    select
        conversion_periods.period_grain,
        conversion_periods.period_month,
        conversion_periods.conversion_type,
        channels.team,
        count(*) as conversions,
        sum(conversion_periods.value) as value
    from conversion_periods
    inner join channels on conversion_periods.self_reported_channel = channels.channel
    where channels.is_mapped
    group by
        conversion_periods.period_grain,
        conversion_periods.period_month,
        conversion_periods.conversion_type,
        channels.team

),

claimed as (

    select
        conversion_periods.period_grain,
        conversion_periods.period_month,
        conversion_periods.conversion_type,
        claims.claim,
        claims.team,
        count(*) as conversions,
        sum(conversion_periods.value) as value,
        sum(case when claimants.teams > 1 then 1 else 0 end) as shared_conversions,
        sum(case when claimants.teams > 1 then conversion_periods.value else 0 end)
            as shared_value,
        sum(case when claims.is_claim_hunting then 1 else 0 end) as claim_hunting_conversions,
        sum(case when claims.is_claim_hunting then conversion_periods.value else 0 end)
            as claim_hunting_value
    from claims
    inner join claimants on claims.conversion_id = claimants.conversion_id
    inner join conversion_periods on claims.conversion_id = conversion_periods.conversion_id
    group by
        conversion_periods.period_grain,
        conversion_periods.period_month,
        conversion_periods.conversion_type,
        claims.claim,
        claims.team

),

all_claims as (

    select
        period_grain,
        period_month,
        conversion_type,
        '(all claims)' as claim,
        cast(null as {{ dbt.type_string() }}) as team,
        sum(conversions) as conversions,
        sum(value) as value,
        sum(shared_conversions) as shared_conversions,
        sum(shared_value) as shared_value,
        sum(claim_hunting_conversions) as claim_hunting_conversions,
        sum(claim_hunting_value) as claim_hunting_value
    from claimed
    group by period_grain, period_month, conversion_type

),

by_claimants as (

    select
        conversion_periods.period_grain,
        conversion_periods.period_month,
        conversion_periods.conversion_type,
        case
            when claimants.conversion_id is null then '(nobody)'
            when claimants.teams > 1 then '(both teams)'
        end as claim,
        cast(null as {{ dbt.type_string() }}) as team,
        count(*) as conversions,
        sum(conversion_periods.value) as value,
        sum(case when claimants.teams > 1 then 1 else 0 end) as shared_conversions,
        sum(case when claimants.teams > 1 then conversion_periods.value else 0 end)
            as shared_value,
        0 as claim_hunting_conversions,
        cast(0 as decimal(18, 2)) as claim_hunting_value
    from conversion_periods
    left join claimants on conversion_periods.conversion_id = claimants.conversion_id
    where claimants.conversion_id is null or claimants.teams > 1
    group by
        conversion_periods.period_grain,
        conversion_periods.period_month,
        conversion_periods.conversion_type,
        case
            when claimants.conversion_id is null then '(nobody)'
            when claimants.teams > 1 then '(both teams)'
        end

),

unioned as (

    select * from claimed

    union all

    select * from all_claims

    union all

    select * from by_claimants

),

final as (

    select
        unioned.period_grain,
        unioned.period_month,
        unioned.conversion_type,
        unioned.claim,
        unioned.team,
        cast(unioned.conversions as {{ dbt.type_bigint() }}) as claimed_conversions,
        cast(unioned.value as decimal(18, 2)) as claimed_value,
        actual.conversions as actual_conversions,
        cast(actual.value as decimal(18, 2)) as actual_value,
        cast(unioned.conversions as double) / nullif(actual.conversions, 0)
            as claimed_by_count_rate,
        cast(unioned.value as double) / nullif(cast(actual.value as double), 0)
            as claimed_by_value_rate,
        cast(unioned.shared_conversions as {{ dbt.type_bigint() }}) as shared_conversions,
        cast(unioned.shared_value as decimal(18, 2)) as shared_value,
        cast(unioned.claim_hunting_conversions as {{ dbt.type_bigint() }})
            as claim_hunting_conversions,
        cast(unioned.claim_hunting_value as decimal(18, 2)) as claim_hunting_value,
        case when unioned.team is not null then coalesce(self_reported.conversions, 0) end
            as self_reported_conversions,
        case
            when unioned.team is not null
                then cast(coalesce(self_reported.value, 0) as decimal(18, 2))
        end as self_reported_value,
        actual.answers as self_reported_answers
    from unioned
    inner join actual
        on
            unioned.conversion_type = actual.conversion_type
            and unioned.period_grain = actual.period_grain
            and unioned.period_month is not distinct from actual.period_month
    left join self_reported
        on
            unioned.conversion_type = self_reported.conversion_type
            and unioned.period_grain = self_reported.period_grain
            and unioned.period_month is not distinct from self_reported.period_month
            and unioned.team = self_reported.team

)

select * from final
