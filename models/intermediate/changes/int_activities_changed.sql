-- depends_on: {{ ref('stg_concord__build_context') }}

with activity_records as {{ read_in_place() }} (

    select * from {{ ref('int_activity_records_unioned') }}

),

records_changed as (

    select * from {{ ref('int_activity_records_changed') }}

),

lookups as (

    select * from {{ ref('int_activity_lookups') }}

),

{%- if not adds_to_last_build() %}

-- Nothing was left behind that this build adds to.
    final as (

        select
            records_changed.record_key as activity_id,
            lookups.subject_id as previous_person_id
        from records_changed
        inner join lookups on records_changed.record_key = lookups.lookup_key
        inner join activity_records on records_changed.record_key = activity_records.record_key
        where false

    )

{%- else %}

before as {{ read_in_place() }} (

    select * from {{ this.incorporate(path={'identifier': 'int_activities'}) }}

),

lookups_changed as (

    select
        lookups.lookup_kind,
        lookups.subject_id,
        lookups.previous_value
    from lookups
    inner join {{ ref('stg_concord__build_context') }} as build_context
        on lookups.changed_in = build_context.build_number

),

named as (

    select records_changed.record_key as activity_id
    from records_changed

    union

    select activity_records.record_key as activity_id
    from activity_records
    where
        {{ record_key(
            'coalesce(activity_records.reference_system, activity_records.system)',
            'activity_records.person_object', 'activity_records.person_record_id'
        ) }} in (
            select lookups_changed.subject_id
            from lookups_changed
            where lookups_changed.lookup_kind = 'person_record'
        )

    union

    select activity_records.record_key as activity_id
    from activity_records
    where
        activity_records.visitor_id in (
            select lookups_changed.subject_id
            from lookups_changed
            where lookups_changed.lookup_kind = 'visitor'
        )

    union

    select before.activity_id
    from before
    where
        before.person_id in (
            select lookups_changed.subject_id
            from lookups_changed
            where lookups_changed.lookup_kind = 'person'
        )

    union

    select activity_records.record_key as activity_id
    from activity_records
    where
        activity_records.account_record_id is not null
        and coalesce(activity_records.reference_system, activity_records.system)
        || ':' || activity_records.account_record_id in (
            select lookups_changed.subject_id
            from lookups_changed
            where lookups_changed.lookup_kind = 'account_record'
        )

    union

    select activity_records.record_key as activity_id
    from activity_records
    where
        activity_records.opportunity_record_id is not null
        and coalesce(activity_records.reference_system, activity_records.system)
        || ':' || activity_records.opportunity_record_id in (
            select lookups_changed.subject_id
            from lookups_changed
            where lookups_changed.lookup_kind = 'opportunity'
        )

    union

    select lookups_changed.subject_id as activity_id
    from lookups_changed
    where lookups_changed.lookup_kind = 'scanner_click'

    union

    select activity_records.record_key as activity_id
    from activity_records
    where
        activity_records.user_agent in (
            select lookups_changed.subject_id
            from lookups_changed
            where lookups_changed.lookup_kind = 'bot_user_agent'
        )

    union

    -- Where a combination is new, so are all activities that have it.
    select activity_records.record_key as activity_id
    from activity_records
    where
        activity_records.system || '|' || coalesce(activity_records.source, '')
        || '|' || coalesce(activity_records.medium, '')
        || '|' || coalesce(activity_records.campaign, '')
        || '|' || coalesce(activity_records.campaign_record_id, '') in (
            select lookups_changed.subject_id
            from lookups_changed
            where
                lookups_changed.lookup_kind = 'channel'
                and lookups_changed.previous_value is not null
        )

    union

    -- What the last build held for the future may have come to pass.
    select activity_records.record_key as activity_id
    from activity_records
    where activity_records.occurred_at > {{ previous_as_of() }}

),

final as (

    select
        named.activity_id,
        before.person_id as previous_person_id
    from named
    left join before on named.activity_id = before.activity_id

)

{%- endif %}

select * from final
