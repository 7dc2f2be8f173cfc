-- Fails if the macro rule_holds judges one of these values otherwise than its description says.
with cases as (

    {%- set cases = [
        ('equal_whatever_the_case', '=', 'Demo', ' demo ', true),
        ('not_equal', '!=', 'a', 'b', true),
        ('missing_is_not_unequal', '!=', 'a', none, false),
        ('one_of_several', 'in', 'a | b', 'B', true),
        ('none_of_several', 'in', 'a|b', 'c', false),
        ('part_of_an_alternative', 'in', 'ab|c', 'b', false),
        ('value_with_a_bar', 'in', 'a|b', 'a|b', false),
        ('contains', 'contains', 'ket', 'Marketing', true),
        ('contains_not', 'contains', 'sal', 'Marketing', false),
        ('nothing_to_look_for', 'contains', none, 'Marketing', false),
        ('starts_with', 'starts_with', 'test+', 'TEST+1', true),
        ('starts_otherwise', 'starts_with', 'test+', 'latest+1', false),
        ('ends_with', 'ends_with', '.io', 'acme.IO', true),
        ('ends_otherwise', 'ends_with', '.io', 'acme.io.example', false),
        ('matches_the_whole', 'matches', '.*vp.*', 'the VP x', true),
        ('matches_a_part_only', 'matches', 'vp', 'the vp', false),
        ('at_least', '>=', '10', '10', true),
        ('numbers_not_text', '>=', '10', '9', false),
        ('no_number', '>=', '10', 'many', false),
        ('at_most', '<=', '10', '10.0', true),
        ('between_low_end', 'between', '1|99', '1', true),
        ('between_high_end', 'between', '1|99', '99', true),
        ('above_between', 'between', '1|99', '100', false),
        ('set', 'is_set', none, 'x', true),
        ('blank_is_not_set', 'is_set', none, '  ', false),
        ('not_set', 'is_not_set', none, none, true),
        ('blank_counts_as_not_set', 'is_not_set', none, ' ', true),
        ('unknown_operator', 'like', 'a', 'a', false),
    ] %}
    {%- for name, operator, rule_value, found, holds in cases %}
        select
            '{{ name }}' as case_name,
            '{{ operator }}' as operator,
            {% if rule_value is none %}cast(null as {{ dbt.type_string() }})
            {% else %}'{{ rule_value }}'
            {% endif %} as rule_value,
            {% if found is none %}cast(null as {{ dbt.type_string() }})
            {% else %}'{{ found }}'
            {% endif %} as found_value,
            {{ holds }} as is_expected
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}

),

judged as (

    select
        cases.case_name,
        cases.is_expected,
        {{ rule_holds('cases.operator', 'cases.found_value', 'cases.rule_value') }} as is_judged
    from cases

),

final as (

    select
        judged.case_name,
        judged.is_expected,
        judged.is_judged
    from judged
    where
        judged.is_judged is null
        or judged.is_judged <> judged.is_expected

)

select * from final
