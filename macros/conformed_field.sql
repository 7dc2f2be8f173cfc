{#- A CRM's history names fields as its own screens do; one name for each follows from here on. -#}
{% macro conformed_field(normalised_field) -%}
    case
        when {{ normalised_field }} in ('owner', 'ownerid') then 'owner_record_id'
        when {{ normalised_field }} in ('account', 'accountid') then 'account_record_id'
        when {{ normalised_field }} in ('parent', 'parentid', 'parentaccountid') then 'parent_record_id'
        when {{ normalised_field }} in ('employees', 'numberofemployees') then 'employees'
        when {{ normalised_field }} in ('country', 'mailingcountry', 'billingcountry') then 'country'
        when {{ normalised_field }} in ('leadsource', 'source') then 'source'
        when {{ normalised_field }} = 'selfreportedsource' then 'self_reported_source'
        when {{ normalised_field }} = 'statusreason' then 'status_reason'
        when {{ normalised_field }} = 'lifecyclestage' then 'lifecycle_stage'
        when {{ normalised_field }} = 'handedoverat' then 'handed_over_at'
        when {{ normalised_field }} = 'firstname' then 'first_name'
        when {{ normalised_field }} = 'lastname' then 'last_name'
        when {{ normalised_field }} in ('accountname', 'name') then 'name'
        else {{ normalised_field }}
    end
{%- endmacro %}
