{#-
Fails if two rows share the key, if a column of the key has no value (those in `nullable` may: a null counts as a value
there), or if a column in `also_filled` has none. One scan answers all of it: a test for each column would cost a main
job ten times as many nodes. Each row returned is a key with the number of its rows and of those with a gap.
-#}
{% test grain(model, key, nullable=[], also_filled=[]) %}

{%- set filled = [] -%}
{%- for column in key + also_filled if column not in nullable -%}
    {%- do filled.append(column ~ ' is null') -%}
{%- endfor -%}
{%- set gap = filled | join(' or ') or 'false' %}

select
    {{ key | join(',\n    ') }},
    count(*) as row_count,
    sum(case when {{ gap }} then 1 else 0 end) as rows_with_gaps
from {{ model }}
group by {{ key | join(', ') }}
having count(*) > 1
    or sum(case when {{ gap }} then 1 else 0 end) > 0

{% endtest %}
