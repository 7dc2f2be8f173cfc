-- depends_on: {{ ref('stg_concord__build_context') }}

with people as (

    select * from {{ ref('int_people') }}

),

lookups as (

    select * from {{ ref('int_person_lookups') }}

),

activities_changed as (

    select * from {{ ref('int_activities_changed') }}

),

activities as (

    select * from {{ ref('int_activities') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

{%- if not adds_to_last_build() %}

-- Nothing was left behind that this build adds to.
    final as (

        select people.person_id
        from people
        inner join lookups on people.person_id = lookups.subject_id
        inner join activities on people.person_id = activities.person_id
        inner join activities_changed on activities.activity_id = activities_changed.activity_id
        inner join opportunities on people.person_id = opportunities.person_id
        where false

    )

{%- else %}

entries_before as (

    select *
    from {{ this.incorporate(path={'schema': 'funnel', 'identifier': 'fct_stage_entries'}) }}

),

lookups_changed as (

    select
        lookups.lookup_kind,
        lookups.subject_id
    from lookups
    inner join {{ ref('stg_concord__build_context') }} as build_context
        on lookups.changed_in = build_context.build_number

),

accounts_changed as (

    select distinct lookups_changed.subject_id as account_id
    from lookups_changed
    where lookups_changed.lookup_kind = 'opportunity_of_account'

),

named as (

    select lookups_changed.subject_id as person_id
    from lookups_changed
    where lookups_changed.lookup_kind in ('person', 'opportunity_of_person')

    union

    select people.person_id
    from people
    inner join accounts_changed on people.account_id = accounts_changed.account_id

    union

    select opportunities.person_id
    from opportunities
    inner join accounts_changed on opportunities.account_id = accounts_changed.account_id

    union

    select activities_changed.previous_person_id as person_id
    from activities_changed

    union

    select activities.person_id
    from activities
    inner join activities_changed on activities.activity_id = activities_changed.activity_id

    union

    -- Time passes for everybody: the cohort of an old entry has had its window now.
    select entries_before.person_id
    from entries_before
    where
        entries_before.stage <> 'won'
        and entries_before.is_mature is distinct from (
            {{ is_month_mature('entries_before.entered_at', 'entries_before.window_days') }}
        )

    union

    select people.person_id
    from people
    where
        exists (
            select 1
            from lookups_changed
            where lookups_changed.lookup_kind = 'everybody'
        )

),

final as (

    select person_id
    from named
    where person_id is not null

)

{%- endif %}

select * from final
