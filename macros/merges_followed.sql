{#- A record that was merged may have been merged into one that was merged itself. -#}
{% macro merges_followed(pointers) -%}
followed as (

    select
        record_id,
        into_record_id,
        1 as steps
    from {{ pointers }}

    union all

    select
        followed.record_id,
        {{ pointers }}.into_record_id,
        followed.steps + 1 as steps
    from followed
    inner join {{ pointers }} on followed.into_record_id = {{ pointers }}.record_id
    -- Two records that name each other as survivor would be followed for ever.
    where followed.steps < 20

),

survivors as (

    select
        record_id,
        into_record_id,
        row_number() over (partition by record_id order by steps desc) as survivor_rank
    from followed

)
{%- endmacro %}
