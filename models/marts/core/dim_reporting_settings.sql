{%- set settings = {
    'reporting_currency': var('reporting_currency'),
    'business_timezone': var('business_timezone'),
    'fiscal_year_start_month': var('fiscal_year_start_month'),
    'amount_basis': var('amount_basis'),
    'rep_visibility': var('rep_visibility'),
} -%}
with final as (

    {% for setting, value in settings.items() %}
        select
            '{{ setting }}' as setting,
            '{{ value }}' as value
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from final
