-- What an activity is depends on a handful of its values only, so the agreed definitions are
-- applied to each combination once and not to each of millions of rows.
with activity_records as (

    select * from {{ ref('int_activity_records_unioned') }}

),

activity_mappings as (

    select * from {{ ref('activity_mappings') }}

),

activity_types as (

    select * from {{ ref('activity_types') }}

),

activity_objects as (

    select * from {{ ref('activity_objects') }}

),

touch_rules as (

    select * from {{ ref('touch_rules') }}

),

combinations as (

    select
        activity_records.system,
        activity_records.object,
        coalesce(activity_records.source_value, '') as source_value,
        coalesce(activity_records.direction, '') as direction,
        coalesce(activity_records.outcome, '') as outcome,
        count(*) as activity_records
    from activity_records
    group by 1, 2, 3, 4, 5

),

matching_mappings as (

    select
        combinations.system,
        combinations.object,
        combinations.source_value,
        combinations.direction,
        combinations.outcome,
        activity_mappings.activity_type,
        activity_mappings.is_response,
        activity_mappings.weight,
        row_number() over (
            partition by
                combinations.system,
                combinations.object,
                combinations.source_value,
                combinations.direction,
                combinations.outcome
            order by
                {{ pattern_rank('activity_mappings.value') }} desc,
                {{ pattern_rank('activity_mappings.object') }} desc,
                {{ pattern_rank('activity_mappings.system') }} desc,
                activity_mappings.value asc,
                activity_mappings.object asc,
                activity_mappings.system asc
        ) as match_rank
    from combinations
    inner join activity_mappings
        on
            {{ matches_pattern('combinations.system', 'activity_mappings.system') }}
            and {{ matches_pattern('combinations.object', 'activity_mappings.object') }}
            and {{ matches_pattern('combinations.source_value', 'activity_mappings.value') }}

),

matching_objects as (

    select
        combinations.system,
        combinations.object,
        combinations.source_value,
        combinations.direction,
        combinations.outcome,
        activity_objects.team,
        activity_objects.needs_response,
        row_number() over (
            partition by
                combinations.system,
                combinations.object,
                combinations.source_value,
                combinations.direction,
                combinations.outcome
            order by
                {{ pattern_rank('activity_objects.object') }}
                + {{ pattern_rank('activity_objects.system') }} desc,
                activity_objects.object asc,
                activity_objects.system asc
        ) as match_rank
    from combinations
    inner join activity_objects
        on
            {{ matches_pattern('combinations.system', 'activity_objects.system') }}
            and {{ matches_pattern('combinations.object', 'activity_objects.object') }}

),

mapped as (

    select
        combinations.system,
        combinations.object,
        combinations.source_value,
        combinations.direction,
        combinations.outcome,
        combinations.activity_records,
        coalesce(matching_mappings.activity_type, '(unmapped)') as activity_type,
        matching_mappings.activity_type is not null as is_mapped,
        coalesce(matching_mappings.weight, 0) as weight,
        coalesce(matching_objects.team, 'marketing') as team,
        coalesce(matching_objects.needs_response, false) as needs_response,
        coalesce(
            matching_mappings.is_response or lower(combinations.outcome) = 'responded',
            false
        ) as is_response
    from combinations
    left join matching_mappings
        on
            combinations.system = matching_mappings.system
            and combinations.object = matching_mappings.object
            and combinations.source_value = matching_mappings.source_value
            and combinations.direction = matching_mappings.direction
            and combinations.outcome = matching_mappings.outcome
            and matching_mappings.match_rank = 1
    left join matching_objects
        on
            combinations.system = matching_objects.system
            and combinations.object = matching_objects.object
            and combinations.source_value = matching_objects.source_value
            and combinations.direction = matching_objects.direction
            and combinations.outcome = matching_objects.outcome
            and matching_objects.match_rank = 1

),

-- One rule that says no outweighs any that say yes: a call that was cancelled is still a call.
ruled as (

    select
        mapped.system,
        mapped.object,
        mapped.source_value,
        mapped.direction,
        mapped.outcome,
        min(case when touch_rules.is_human_touch then 1 else 0 end) = 1 as is_human_touch
    from mapped
    inner join touch_rules
        on
            {{ matches_pattern('mapped.system', 'touch_rules.system') }}
            and {{ matches_pattern('mapped.object', 'touch_rules.object') }}
            and (
                (
                    lower(touch_rules.field) = 'activity_type'
                    and {{ matches_pattern('mapped.activity_type', 'touch_rules.value') }}
                )
                or (
                    lower(touch_rules.field) in ('type', 'source_value')
                    and {{ matches_pattern('mapped.source_value', 'touch_rules.value') }}
                )
                or (
                    lower(touch_rules.field) = 'direction'
                    and {{ matches_pattern('mapped.direction', 'touch_rules.value') }}
                )
                or (
                    lower(touch_rules.field) = 'outcome'
                    and {{ matches_pattern('mapped.outcome', 'touch_rules.value') }}
                )
            )
    group by 1, 2, 3, 4, 5

),

judged as (

    select
        mapped.system,
        mapped.object,
        mapped.source_value,
        mapped.direction,
        mapped.outcome,
        mapped.activity_type,
        mapped.team,
        mapped.activity_records,
        mapped.weight,
        mapped.is_mapped,
        coalesce(activity_types.is_hand_raise, false) as is_hand_raise,
        mapped.needs_response,
        coalesce(activity_types.is_marketing_touch, true) as is_marketing_touch,
        -- What a rep logged is the person's own act only where the person came to us.
        mapped.is_response
        and not (
            mapped.team = 'sales'
            and coalesce(activity_types.responds_only_inbound, false)
            and mapped.direction <> 'inbound'
        ) as is_response,
        mapped.team = 'sales' and coalesce(ruled.is_human_touch, false) as is_human_touch
    from mapped
    left join activity_types
        on mapped.activity_type = activity_types.activity_type
    left join ruled
        on
            mapped.system = ruled.system
            and mapped.object = ruled.object
            and mapped.source_value = ruled.source_value
            and mapped.direction = ruled.direction
            and mapped.outcome = ruled.outcome

),

final as (

    select
        system,
        object,
        source_value,
        direction,
        outcome,
        activity_type,
        team,
        activity_records,
        weight,
        is_mapped,
        is_response,
        is_hand_raise,
        is_human_touch,
        case
            when team = 'sales' then is_human_touch
            when needs_response then is_response and is_marketing_touch
            else is_marketing_touch
        end as is_touch,
        case
            when team = 'sales' and not is_human_touch then 'no_personal_touch'
            when team = 'sales' then null
            when not is_marketing_touch then 'kind_is_no_touch'
            when needs_response and not is_response then 'not_responded'
        end as no_touch_reason
    from judged

)

select * from final
