{#-
    No engine has the normal distribution by one name. This is the complementary error function by a Chebyshev fit
    whose relative error stays below 1.2e-7, in the tails as well, where ranks of small probabilities are decided.
-#}
{% macro normal_two_sided_p(z_expression) -%}
    {%- set x -%}(abs({{ z_expression }}) / sqrt(2.0)){%- endset -%}
    {%- set t -%}(1 / (1 + 0.5 * {{ x }})){%- endset -%}
    {%- set coefficients = [
        1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807,
        -1.13520398, 1.48851587, -0.82215223, 0.17087277,
    ] -%}
    {{ t }} * exp(
        -1 * {{ x }} * {{ x }} - 1.26551223
        {%- for coefficient in coefficients %}
        + {{ t }} * ({{ coefficient }}
        {%- endfor %}
        {{ ')' * (coefficients | length) }}
    )
{%- endmacro %}
