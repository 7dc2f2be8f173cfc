{#-
    Who and what an activity is about is one column each for several kinds of record. The delivered records
    decide which kind it is; only an id that none of them has falls back on the vendor's id prefix.
-#}
{% macro salesforce_relations(activities) -%}
leads as (

    select distinct id as record_id
    from {{ source('salesforce', 'lead') }}

),

contacts as (

    select distinct id as record_id
    from {{ source('salesforce', 'contact') }}

),

opportunities as (

    select distinct id as record_id
    from {{ source('salesforce', 'opportunity') }}

),

accounts as (

    select distinct id as record_id
    from {{ source('salesforce', 'account') }}

),

related as (

    select
        {{ activities }}.id,
        case
            when contacts.record_id is not null then 'contact'
            when leads.record_id is not null then 'lead'
            when {{ activities }}.who_id like '003%' then 'contact'
            when {{ activities }}.who_id like '00Q%' then 'lead'
        end as person_object,
        case
            when opportunities.record_id is not null then 'opportunity'
            when accounts.record_id is not null then 'account'
            when {{ activities }}.what_id like '006%' then 'opportunity'
            when {{ activities }}.what_id like '001%' then 'account'
        end as what_object
    from {{ activities }}
    left join contacts
        on {{ activities }}.who_id = contacts.record_id
    left join leads
        on {{ activities }}.who_id = leads.record_id
    left join opportunities
        on {{ activities }}.what_id = opportunities.record_id
    left join accounts
        on {{ activities }}.what_id = accounts.record_id

)
{%- endmacro %}
