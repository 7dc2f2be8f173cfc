{#- What the rules of team_figure_rules look at, by the names under which the contracts take it. -#}
{%- set objects = {
    'person': ['salesforce.lead', 'hubspot.contact', 'marketing.contacts', 'crm.people'],
    'change': [
        'salesforce.lead_history',
        'hubspot.contact_property_history',
        'marketing.contact_history',
        'crm.people_history',
    ],
    'deal': [
        'salesforce.opportunity', 'hubspot.deal', 'marketing.deals', 'crm.opportunities'
    ],
    'invoice': ['finance.invoiced'],
} -%}
{%- set histories = {
    'lead_history': 'lead',
    'contact_property_history': 'contact',
    'contact_history': 'contacts',
    'people_history': 'people',
} -%}
{%- set names = {
    'record_id': {
        'person': ['id', 'vid', 'contactid', 'hsobjectid', 'recordid', 'personid'],
        'change': ['leadid', 'contactid', 'vid', 'recordid', 'personid'],
        'deal': ['dealid', 'opportunityid', 'id', 'hsobjectid'],
    },
    'crm_record_id': {
        'person': [
            'salesforcecontactid', 'salesforceleadid', 'crmcontactid', 'crmleadid', 'crmrecordid'
        ],
        'deal': ['salesforceopportunityid', 'crmopportunityid', 'hssalesforceopportunityid'],
    },
    'account_record_id': {'invoice': ['accountid']},
    'email': {'person': ['email']},
    'record_type': {'person': ['recordtype']},
    'status': {'person': ['status', 'hsleadstatus']},
    'status_reason': {'person': ['statusreason', 'leadstatusreason']},
    'lifecycle_stage': {'person': ['lifecyclestage']},
    'rating': {'person': ['rating', 'leadrating']},
    'source': {'person': ['leadsource', 'hsanalyticssource', 'hsoriginalsource', 'source']},
    'opportunity_type': {'deal': ['type', 'dealtype', 'opportunitytype']},
    'stage': {
        'deal': ['stagename', 'stage', 'dealstage', 'dealpipelinestageid', 'stageid']
    },
    'currency': {
        'deal': ['currencyisocode', 'dealcurrencycode', 'currency', 'currencycode'],
        'invoice': ['currency'],
    },
    'amount': {'deal': ['amount'], 'invoice': ['amount']},
    'is_won': {'deal': ['iswon', 'hsisclosedwon']},
    'is_closed': {'deal': ['isclosed', 'hsisclosed']},
    'field': {'change': ['field', 'name', 'property', 'propertyname']},
    'old_value': {'change': ['oldvalue']},
    'new_value': {'change': ['newvalue', 'value']},
    'month': {'invoice': ['month']},
    'close_date': {'deal': ['closedate']},
    'changed_at': {
        'change': ['changedat', 'timestamp', 'timestampinstant', 'createddate', 'fivetranstart']
    },
    'created_at': {
        'person': ['createddate', 'createdate', 'createdat'],
        'deal': ['createddate', 'createdate', 'createdat'],
    },
    'modified_at': {
        'person': ['lastmodifieddate', 'hslastmodifieddate', 'modifiedat', 'systemmodstamp'],
        'deal': ['lastmodifieddate', 'hslastmodifieddate', 'modifiedat', 'systemmodstamp'],
        'change': ['modifiedat'],
        'invoice': ['modifiedat'],
    },
    'is_deleted': {
        'person': ['isdeleted', 'fivetrandeleted', 'archived'],
        'deal': ['isdeleted', 'fivetrandeleted', 'archived'],
        'change': ['isdeleted', 'fivetrandeleted'],
        'invoice': ['isdeleted'],
    },
} -%}

with held_back_values as (

    select * from {{ ref('stg_concord__held_back_values') }}

),

field_mappings as (

    select * from {{ ref('field_mappings') }}

),

hubspot_stages as (

    select * from {{ ref('stg_hubspot__deal_pipeline_stages') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

identifiers as (

    select * from {{ ref('int_person_identifiers') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

named as (

    select
        held_row_id,
        system,
        object,
        system || '.' || object as extract_name,
        owner,
        load_number,
        row_in_file,
        field_key,
        field_value
    from held_back_values

),

mapped_names as (

    select
        system,
        object,
        {{ normalised_name('source_field') }} as field_key,
        {{ normalised_name('target_column') }} as column_key
    from field_mappings

),

looked_at as (

    select
        named.held_row_id,
        named.system,
        named.object,
        named.owner,
        named.load_number,
        named.row_in_file,
        case
            {%- for kind, extracts in objects.items() %}
                {%- for extract in extracts %}
                    when named.extract_name = '{{ extract }}' then '{{ kind }}'
                {%- endfor %}
            {%- endfor %}
        end as kind,
        coalesce(mapped_names.column_key, named.field_key) as field_key,
        named.field_value
    from named
    left join mapped_names
        on
            named.system = mapped_names.system
            and named.object = mapped_names.object
            and named.field_key = mapped_names.field_key

),

-- One row again for each row held back, each column under the first of its names that has a value.
rows_again as (

    select
        held_row_id,
        system,
        object,
        kind,
        owner,
        load_number,
        row_in_file,
        {%- for column, by_kind in names.items() %}
            coalesce(
                {%- for kind, keys in by_kind.items() %}
                    {%- for key in keys %}
                        max(
                            case
                                when kind = '{{ kind }}' and field_key = '{{ key }}'
                                    then field_value
                            end
                        ),
                    {%- endfor %}
                {%- endfor %}
                null
            ) as {{ column }},
        {%- endfor %}
        count(*) as columns_delivered
    from looked_at
    where kind is not null
    group by held_row_id, system, object, kind, owner, load_number, row_in_file

),

typed as (

    select
        held_row_id,
        system,
        case object
            {%- for history, object in histories.items() %}
                when '{{ history }}' then '{{ object }}'
            {%- endfor %}
            else object
        end as object,
        kind,
        owner,
        load_number,
        row_in_file,
        coalesce(record_id, held_row_id) as record_id,
        crm_record_id,
        account_record_id,
        {{ normalised_email('email') }} as email_normalised,
        coalesce(
            record_type,
            case
                when object in ('lead', 'contact') then object
                when kind = 'person' then 'contact'
            end
        ) as record_type,
        status,
        status_reason,
        lifecycle_stage,
        rating,
        source,
        opportunity_type,
        stage,
        upper(coalesce(currency, '{{ var("reporting_currency") }}')) as currency,
        {{ dbt.safe_cast('amount', 'decimal(18, 2)') }} as amount,
        lower(is_won) in ('true', 't', '1', 'yes') as is_won,
        lower(is_closed) in ('true', 't', '1', 'yes') as is_closed,
        coalesce(lower(is_deleted) in ('true', 't', '1', 'yes'), false) as is_deleted,
        {{ conformed_field(normalised_name('field')) }} as field,
        old_value,
        new_value,
        cast({{ text_to_timestamp('month') }} as date) as month,
        cast({{ text_to_timestamp('close_date') }} as date) as close_date,
        {{ text_to_timestamp('changed_at') }} as changed_at,
        {{ text_to_timestamp('created_at') }} as created_at,
        {{ text_to_timestamp('modified_at') }} as modified_at
    from rows_again

),

-- Delivered and held back again and again, a record counts as it was delivered last.
newest as (

    select
        *,
        row_number() over (
            partition by
                kind,
                system,
                object,
                case when kind in ('person', 'deal') then record_id else held_row_id end
            order by modified_at desc nulls last, load_number desc, row_in_file desc
        ) as recency
    from typed
    where coalesce(modified_at <= {{ as_of() }}, true)

),

-- Whose it would be: of an earlier version, a cross-id or its address.
whose as (

    select
        newest.held_row_id,
        people_records.person_id,
        1 as preference
    from newest
    inner join people_records
        on
            newest.kind = 'person'
            and newest.system = people_records.system
            and newest.object = people_records.object
            and newest.record_id = people_records.record_id

    union all

    select
        newest.held_row_id,
        people_records.person_id,
        2 as preference
    from newest
    inner join people_records
        on
            newest.kind = 'person'
            and newest.crm_record_id = people_records.record_id
            and newest.system <> people_records.system

    union all

    select
        newest.held_row_id,
        people_records.person_id,
        2 as preference
    from newest
    inner join person_records
        on
            newest.kind = 'person'
            and newest.record_id = person_records.crm_record_id
            and newest.system <> person_records.system
    inner join people_records on person_records.record_key = people_records.record_key

    union all

    select
        newest.held_row_id,
        people_records.person_id,
        3 as preference
    from newest
    inner join identifiers
        on
            newest.kind = 'person'
            and newest.email_normalised = identifiers.email_normalised
            and not identifiers.is_shared_mailbox
    inner join people_records on identifiers.record_key = people_records.record_key

),

ranked_persons as (

    select
        held_row_id,
        person_id,
        row_number() over (
            partition by held_row_id order by preference asc, person_id asc
        ) as person_rank
    from whose

),

final as (

    select
        newest.held_row_id,
        newest.kind,
        {{ record_key('newest.system', 'newest.object', 'newest.record_id') }} as record_key,
        newest.system,
        newest.object,
        newest.record_id,
        newest.crm_record_id,
        newest.account_record_id,
        ranked_persons.person_id,
        newest.owner,
        newest.record_type,
        newest.status,
        newest.status_reason,
        newest.lifecycle_stage,
        newest.rating,
        newest.source,
        newest.opportunity_type,
        newest.stage,
        newest.currency,
        newest.amount,
        coalesce(hubspot_stages.is_won, newest.is_won, false) as is_won,
        coalesce(hubspot_stages.is_closed, newest.is_closed, newest.is_won, false) as is_closed,
        newest.field,
        newest.old_value,
        newest.new_value,
        newest.month,
        newest.close_date,
        newest.changed_at,
        newest.created_at,
        newest.modified_at
    from newest
    left join ranked_persons
        on
            newest.held_row_id = ranked_persons.held_row_id
            and ranked_persons.person_rank = 1
    left join hubspot_stages
        on
            newest.system = hubspot_stages.system
            and newest.stage = hubspot_stages.record_id
            and newest.kind = 'deal'
    where
        newest.recency = 1
        and not newest.is_deleted

)

select * from final
