{#-
Fails if two rows share the key, if a column of the key has no value (those in `nullable` may: a null counts as a value
there), or if a column in `also_filled` has none. One scan answers all of it: a test for each column would cost a main
job ten times as many nodes. Each row returned is a key with the number of its rows and of those with a gap.

`changed` is for models that a build may add to: a model of what changed (`model`), its column (`key`) and the column
here that holds the same (`of`). Where the build adds to the last one, only keys that rows of these values have are
looked at, in all rows: all others are as a build left them that was tested. Where not all rows of that model tell of a
change, `where` says which do; `besides` is a condition for rows here that a build may replace though none of these
values changed. `is_in_key` says that the text of the key holds the value, so that no row of another value can have it.

`only_anew` leaves the test to builds that are made anew, for a view whose rows another model holds under the same key.
-#}
{% test grain(model, key, nullable=[], also_filled=[], changed=none, only_anew=false) %}

{%- set filled = [] -%}
{%- for column in key + also_filled if column not in nullable -%}
    {%- do filled.append(column ~ ' is null') -%}
{%- endfor -%}
{%- set gap = filled | join(' or ') or 'false' %}
{%- set changes = ref(changed.model) if changed else none -%}
{%- set adds = adds_to_last_build() if changes or only_anew else false %}
{%- set is_changed -%}
    {%- if changed -%}
    {{ changed.of }} in (
        select {{ changed.key }} from {{ changes }}{% if changed.where %} where {{ changed.where }}{% endif %}
    )
    or {{ changed.of }} is null{% if changed.besides %} or {{ changed.besides }}{% endif %}
    {%- endif -%}
{%- endset %}

select
    {{ key | join(',\n    ') }},
    count(*) as row_count,
    sum(case when {{ gap }} then 1 else 0 end) as rows_with_gaps
from {{ model }}
{%- if adds %}
    {%- if only_anew %}
where false
    {%- elif changed.of in key or changed.is_in_key %}
where {{ is_changed }}
    {%- else %}
where
    ({{ key | join(', ') }}) in (
        select ({{ key | join(', ') }})
        from {{ model }}
        where {{ is_changed }}
    )
    or {{ is_changed }}
    {%- endif %}
{%- endif %}
group by {{ key | join(', ') }}
having count(*) > 1
    or sum(case when {{ gap }} then 1 else 0 end) > 0

{% endtest %}
