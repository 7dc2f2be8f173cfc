with quarantine as (

    select *
    from {{ source('concord', 'quarantine') }}
    where not is_unparseable

),

held_rows as (

    select
        load_id || ':' || cast(row_number as {{ dbt.type_string() }}) as held_row_id,
        load_number,
        row_number as row_in_file,
        system,
        object,
        rule,
        owner,
        raw_row
    from quarantine

),

fields as (

    {{ json_fields(
        'held_rows',
        ['held_row_id', 'load_number', 'row_in_file', 'system', 'object', 'rule', 'owner'],
        'raw_row'
    ) }}

),

-- Landing matches headers by their letters and digits too, with and without this prefix.
final as (

    select
        held_row_id,
        system,
        object,
        rule,
        owner,
        field_name,
        case
            when lower(field_name) like 'property!_%' escape '!'
                then {{ normalised_name("substr(field_name, 10)") }}
            else {{ normalised_name('field_name') }}
        end as field_key,
        nullif(field_value, '') as field_value,
        load_number,
        row_in_file
    from fields

)

select * from final
