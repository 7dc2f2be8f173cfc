{%- set delivered = [
    'int_person_records_unioned',
    'int_person_changes_unioned',
    'int_activity_records_unioned',
    'int_account_records_unioned',
    'int_opportunity_records_unioned',
    'int_opportunity_changes_unioned',
    'int_user_records_unioned',
] -%}

with crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

{% for model in delivered %}
    {{ model | replace('_unioned', '') | replace('int_', '') }}_modified as (

        select
            system,
            max(modified_at) as modified_at
        from {{ ref(model) }}
        group by system

    ),

{% endfor %}
modified as (

    {% for model in delivered %}
        select * from {{ model | replace('_unioned', '') | replace('int_', '') }}_modified
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

newest as (

    select
        system,
        max(modified_at) as modified_at
    from modified
    group by system

),

final as (

    select
        newest.system,
        -- A CRM that never says when a row was modified is taken to be as new as the build.
        least(coalesce(newest.modified_at, {{ as_of() }}), {{ as_of() }}) as data_cut_at
    from newest
    inner join crm_systems on newest.system = crm_systems.system

)

select * from final
