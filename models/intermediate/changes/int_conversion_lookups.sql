{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['lookup_kind', 'lookup_key'],
    on_schema_change='fail',
) }}

with conversions as (

    select * from {{ ref('int_conversions') }}

),

journey_touches as (

    select * from {{ ref('int_journey_touches') }}

),

removal_effects as (

    select * from {{ ref('int_channel_removal_effects') }}

),

rows_of_conversions as (

    select
        conversions.conversion_id,
        {{ row_hash('conversions') }} as row_hash
    from conversions

    union all

    select
        journey_touches.conversion_id,
        {{ row_hash('journey_touches') }} as row_hash
    from journey_touches

),

conversion_digests as (

    select
        conversion_id,
        {{ rows_digest('row_hash') }} as digest
    from rows_of_conversions
    group by conversion_id

),

effect_digests as (

    select
        removal_effects.conversion_type,
        {{ rows_digest(row_hash('removal_effects')) }} as digest
    from removal_effects
    group by removal_effects.conversion_type

),

values_now as (

    select
        'conversion' as lookup_kind,
        conversion_id as lookup_key,
        conversion_id as subject_id,
        digest as found_value
    from conversion_digests

    union all

    select
        'removal_effects' as lookup_kind,
        conversion_type as lookup_key,
        conversion_type as subject_id,
        digest as found_value
    from effect_digests

),

final as (

    {{ remembered_values('values_now') }}

)

select * from final
