with identity_overrides as (

    select * from {{ ref('identity_overrides') }}

),

identifiers as (

    select * from {{ ref('int_person_identifiers') }}

),

pairs as (

    select
        identity_overrides.system || ':' || identity_overrides.object || ':'
        || identity_overrides.record_id as record_key,
        identity_overrides.other_system || ':' || identity_overrides.other_object || ':'
        || identity_overrides.other_record_id as other_record_key
    from identity_overrides
    where
        replace(lower({{ trimmed_text('identity_overrides.action') }}), '_', ' ') = 'keep apart'

),

numbered as (

    select
        greatest(records.record_number, other_records.record_number) as record_number,
        least(records.record_number, other_records.record_number) as other_record_number
    from pairs
    inner join identifiers as records
        on pairs.record_key = records.record_key
    inner join identifiers as other_records
        on pairs.other_record_key = other_records.record_key
    where records.record_number <> other_records.record_number

),

final as (

    select
        numbered.record_number,
        numbered.other_record_number
    from numbered
    group by numbered.record_number, numbered.other_record_number

)

select * from final
