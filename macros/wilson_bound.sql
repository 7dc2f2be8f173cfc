{% macro wilson_bound(successes, trials, quantile, side) -%}
    case
        when {{ trials }} > 0
            then {{ 'greatest(0, ' if side == 'lower' else 'least(1, ' }}(
                {{ successes }} + {{ quantile }} * {{ quantile }} / 2.0
                {{ '-' if side == 'lower' else '+' }} {{ quantile }} * sqrt(
                    greatest(
                        {{ successes }} * ({{ trials }} - {{ successes }}) / cast({{ trials }} as double)
                        + {{ quantile }} * {{ quantile }} / 4.0,
                        0
                    )
                )
            ) / ({{ trials }} + {{ quantile }} * {{ quantile }}))
    end
{%- endmacro %}
