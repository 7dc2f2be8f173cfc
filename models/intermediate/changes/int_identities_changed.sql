-- depends_on: {{ ref('stg_concord__build_context') }}

with lookups as (

    select * from {{ ref('int_identity_lookups') }}

),

{%- if not adds_to_last_build() %}

-- Nothing was left behind that this build adds to.
    final as (

        select lookups.subject_id as person_id
        from lookups
        where false

    )

{%- else %}

lookups_changed as (

    select
        lookups.lookup_kind,
        lookups.subject_id
    from lookups
    inner join {{ ref('stg_concord__build_context') }} as build_context
        on lookups.changed_in = build_context.build_number

),

final as (

    select lookups_changed.subject_id as person_id
    from lookups_changed
    where lookups_changed.lookup_kind = 'person'

    union

    select lookups.subject_id as person_id
    from lookups
    where
        lookups.lookup_kind = 'person'
        and exists (
            select 1
            from lookups_changed
            where lookups_changed.lookup_kind = 'everybody'
        )

)

{%- endif %}

select * from final
