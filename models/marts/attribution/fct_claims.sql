with conversions as (

    select * from {{ ref('fct_conversions') }}

),

journey_touches as (

    select * from {{ ref('int_journey_touches') }}

),

claim_rules as (

    select * from {{ ref('claim_rules') }}

),

hunting_touches as (

    select * from {{ ref('int_claim_hunting_touches') }}

),

claimed_by_touch as (

    select
        conversions.conversion_id,
        claim_rules.claim,
        claim_rules.team,
        claim_rules.rule_id,
        journey_touches.touch_id,
        journey_touches.touch_number
    from conversions
    inner join journey_touches on conversions.conversion_id = journey_touches.conversion_id
    inner join claim_rules
        on
            {{ rule_covers('claim_rules.motion', 'conversions.motion') }}
            and {{ rule_covers('claim_rules.touch_team', 'journey_touches.team') }}
            and {{ matches_pattern('journey_touches.channel', 'claim_rules.channel') }}
            and {{ matches_pattern('journey_touches.touch_type', 'claim_rules.touch_type') }}
            and case claim_rules.position
                when 'any' then true
                when 'first' then journey_touches.is_first
                when 'last' then journey_touches.is_last
                when 'lead' then journey_touches.is_lead
                when 'opportunity' then journey_touches.is_opportunity
                when 'close' then journey_touches.is_close
                else false
            end

),

claimed_by_motion as (

    select
        conversions.conversion_id,
        claim_rules.claim,
        claim_rules.team,
        claim_rules.rule_id,
        cast(null as {{ dbt.type_string() }}) as touch_id,
        cast(null as {{ dbt.type_bigint() }}) as touch_number
    from conversions
    inner join claim_rules
        on
            claim_rules.position = 'none'
            and {{ rule_covers('claim_rules.motion', 'conversions.motion') }}

),

unioned as (

    select * from claimed_by_touch

    union all

    select * from claimed_by_motion

),

ranked as (

    select
        conversion_id,
        claim,
        team,
        rule_id,
        touch_id,
        row_number() over (
            partition by conversion_id, claim
            order by coalesce(touch_number, 0), rule_id, coalesce(touch_id, '')
        ) as preference
    from unioned

),

hunted as (

    select
        journey_touches.conversion_id,
        hunting_touches.team,
        count(*) as hunting_touches
    from journey_touches
    inner join hunting_touches on journey_touches.touch_id = hunting_touches.touch_id
    group by journey_touches.conversion_id, hunting_touches.team

),

final as (

    select
        ranked.conversion_id || '|' || ranked.claim as claim_id,
        ranked.conversion_id,
        conversions.opportunity_id,
        ranked.touch_id,
        conversions.conversion_type,
        ranked.claim,
        ranked.team,
        ranked.rule_id,
        conversions.self_reported_channel,
        conversions.value,
        cast(coalesce(hunted.hunting_touches, 0) as bigint) as hunting_touches,
        hunted.hunting_touches is not null as is_claim_hunting,
        conversions.converted_date
    from ranked
    inner join conversions on ranked.conversion_id = conversions.conversion_id
    left join hunted
        on
            ranked.conversion_id = hunted.conversion_id
            and ranked.team = hunted.team
    where ranked.preference = 1

)

select * from final
