with people_records as (

    select * from {{ ref('int_people_records') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

source_mappings as (

    select * from {{ ref('source_mappings') }}

),

answers as (

    select
        people_records.person_id,
        people_records.record_key,
        people_records.system,
        trim(person_records.self_reported_source) as answer,
        row_number() over (
            partition by people_records.person_id
            order by people_records.created_at, people_records.record_key
        ) as answer_number
    from people_records
    inner join person_records
        on
            people_records.system = person_records.system
            and people_records.object = person_records.object
            and people_records.record_id = person_records.record_id
    where trim(coalesce(person_records.self_reported_source, '')) <> ''

),

-- The first answer counts: later ones are remembered from further away.
first_answers as (

    select
        person_id,
        record_key,
        system,
        answer
    from answers
    where answer_number = 1

),

matched as (

    select
        first_answers.person_id,
        source_mappings.channel,
        row_number() over (
            partition by first_answers.person_id
            order by
                {{ pattern_rank('source_mappings.value') }} desc,
                {{ pattern_rank('source_mappings.system') }} desc,
                source_mappings.value,
                source_mappings.system asc
        ) as preference
    from first_answers
    inner join source_mappings
        on
            {{ matches_pattern('first_answers.answer', 'source_mappings.value') }}
            and {{ matches_pattern('first_answers.system', 'source_mappings.system') }}

),

final as (

    select
        first_answers.person_id,
        first_answers.record_key,
        coalesce(matched.channel, '(unmapped)') as channel
    from first_answers
    left join matched
        on
            first_answers.person_id = matched.person_id
            and matched.preference = 1

)

select * from final
