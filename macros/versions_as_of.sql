{#-
    A record whose every version was modified after as_of was there all the same if it had been created by
    then. Its first later version stands in, marked is_rebuilt; the model puts back what changed since.
-#}
{% macro versions_as_of(relation, created_column) -%}
{{ relation }}_known as (

    select distinct {{ relation }}._key
    from {{ relation }}
    where coalesce({{ relation }}._modified_at <= {{ as_of() }}, true)

),

{{ relation }}_later as (

    select
        {{ relation }}._key,
        {{ relation }}._load_number,
        {{ relation }}._row_number,
        row_number() over (
            partition by {{ relation }}._key
            order by
                {{ relation }}._modified_at,
                {{ relation }}._file_name,
                {{ relation }}._load_number,
                {{ relation }}._row_number
        ) as version_number
    from {{ relation }}
    left join {{ relation }}_known
        on {{ relation }}._key = {{ relation }}_known._key
    where
        {{ relation }}._modified_at > {{ as_of() }}
        and {{ relation }}.{{ created_column }} <= {{ as_of() }}
        and {{ relation }}_known._key is null

),

{{ relation }}_as_of as (

    select
        {{ relation }}.*,
        false as is_rebuilt
    from {{ relation }}
    where {{ visible(relation) }}

    union all

    select
        {{ relation }}.*,
        true as is_rebuilt
    from {{ relation }}
    inner join {{ relation }}_later
        on
            {{ relation }}._key = {{ relation }}_later._key
            and {{ relation }}._load_number = {{ relation }}_later._load_number
            and {{ relation }}._row_number = {{ relation }}_later._row_number
    where {{ relation }}_later.version_number = 1

)
{%- endmacro %}
