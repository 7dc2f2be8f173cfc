{%- set longest_number = 15 -%}
{%- set longest_local_number = 10 -%}

with person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

person_merges as (

    select * from {{ ref('int_person_merges_unioned') }}

),

countries as (

    select * from {{ ref('countries') }}

),

email_providers as (

    select * from {{ ref('email_providers') }}

),

free_mail_domains as (

    select * from {{ ref('free_mail_domains') }}

),

shared_mailboxes as (

    select distinct {{ normalised_email("shared_mailboxes.local_part || '@'") }} as mailbox
    from {{ ref('shared_mailboxes') }} as shared_mailboxes

),

placeholders as (

    select distinct
        placeholders.field,
        lower({{ trimmed_text('placeholders.value') }}) as placeholder
    from {{ ref('placeholders') }} as placeholders

),

merge_ends as (

    select
        person_merges.system,
        person_merges.object,
        person_merges.record_id
    from person_merges

    union

    select
        person_merges.system,
        person_merges.object,
        person_merges.into_record_id as record_id
    from person_merges

),

-- An id that only a merge names was never delivered, but activities may still name it.
undelivered as (

    select
        merge_ends.system,
        merge_ends.object,
        merge_ends.record_id
    from merge_ends
    left join person_records
        on
            merge_ends.system = person_records.system
            and merge_ends.object = person_records.object
            and merge_ends.record_id = person_records.record_id
    where person_records.record_id is null

),

known_records as (

    select
        person_records.system,
        person_records.object,
        person_records.record_id,
        person_records.record_type,
        person_records.email,
        person_records.phone,
        person_records.last_name,
        person_records.country,
        person_records.created_at,
        person_records.is_deleted,
        true as is_delivered
    from person_records

    union all

    select
        undelivered.system,
        undelivered.object,
        undelivered.record_id,
        cast(null as {{ dbt.type_string() }}) as record_type,
        cast(null as {{ dbt.type_string() }}) as email,
        cast(null as {{ dbt.type_string() }}) as phone,
        cast(null as {{ dbt.type_string() }}) as last_name,
        cast(null as {{ dbt.type_string() }}) as country,
        cast(null as {{ dbt.type_timestamp() }}) as created_at,
        true as is_deleted,
        false as is_delivered
    from undelivered

),

keyed as (

    select
        known_records.system || ':' || known_records.object || ':' || known_records.record_id
            as record_key,
        known_records.system,
        known_records.object,
        known_records.record_id,
        known_records.record_type,
        known_records.created_at,
        known_records.is_deleted,
        known_records.is_delivered,
        {{ normalised_email('known_records.email') }} as email,
        lower({{ trimmed_text('known_records.last_name') }}) as last_name_delivered,
        {{ comparable_name('known_records.country') }} as country_name,
        -- An extension and what calls the number a number are no part of it.
        regexp_replace(
            regexp_replace(
                lower({{ trimmed_text('known_records.phone') }}),
                '^(tel|phone|mobile|fax)[:. ]*',
                ''
            ),
            '[[:space:]]*(;|,|#|x|ext).*$',
            ''
        ) as phone
    from known_records

),

emails as (

    select
        keyed.record_key,
        split_part(keyed.email, '@', 1) as local_part,
        split_part(keyed.email, '@', 2) as email_domain
    from keyed
    where {{ regex_full_match('keyed.email', "'[^@[:space:]]+@[^@[:space:]]+[.][^@.[:space:]]+'") }}

),

emails_normalised as (

    select
        emails.record_key,
        emails.email_domain,
        case
            when email_providers.ignores_dots then replace(emails.local_part, '.', '')
            else emails.local_part
        end as local_part,
        shared_mailboxes.mailbox is not null as is_shared_mailbox,
        placeholders.placeholder is not null as is_placeholder_email,
        free_mail_domains.domain is not null as is_free_mail
    from emails
    left join email_providers
        on emails.email_domain = lower(email_providers.domain)
    left join free_mail_domains
        on emails.email_domain = lower(free_mail_domains.domain)
    left join shared_mailboxes
        on emails.local_part || '@' = shared_mailboxes.mailbox
    left join placeholders
        on
            placeholders.field = 'local_part'
            and emails.local_part = placeholders.placeholder

),

country_spellings as (

    select
        {{ comparable_name('countries.country') }} as country_name,
        min(countries.iso2) as iso2,
        min(countries.calling_code) as calling_code,
        min(countries.trunk_prefix) as trunk_prefix,
        min(countries.international_prefix) as international_prefix,
        min(countries.national_lengths) as national_lengths
    from countries
    group by {{ comparable_name('countries.country') }}

),

calling_codes as (

    select
        countries.calling_code,
        min(countries.trunk_prefix) as trunk_prefix,
        min(countries.national_lengths) as national_lengths
    from countries
    where countries.is_main_country
    group by countries.calling_code

),

phones as (

    select
        keyed.record_key,
        country_spellings.calling_code,
        country_spellings.trunk_prefix,
        country_spellings.international_prefix,
        country_spellings.national_lengths,
        substr(keyed.phone, 1, 1) = '+' as has_plus,
        -- The trunk prefix that is left out when dialling from abroad is often written in brackets.
        {{ only_digits(
            "case when substr(keyed.phone, 1, 1) = '+' then replace(keyed.phone, '(0)', '')"
            ~ " else keyed.phone end"
        ) }} as digits
    from keyed
    left join country_spellings
        on keyed.country_name = country_spellings.country_name
    where {{ regex_full_match('keyed.phone', "'[+]?[0-9 ()./\\x{00A0}\\x{2010}-\\x{2015}-]+'") }}

),

-- The digits from the calling code on, where the number was written that way.
phones_dialled as (

    select
        phones.record_key,
        phones.calling_code,
        phones.trunk_prefix,
        phones.national_lengths,
        phones.digits,
        case
            when phones.has_plus then phones.digits
            when
                substr(phones.digits, 1, length(phones.international_prefix))
                = phones.international_prefix
                then substr(phones.digits, length(phones.international_prefix) + 1)
            -- Written without a plus: if it is too long for a number of the country, or has neither
            -- the trunk prefix that such a number is written with nor the length of a short one.
            when
                substr(phones.digits, 1, length(phones.calling_code)) = phones.calling_code
                and {{ is_listed(
                    'length(phones.digits) - length(phones.calling_code)', 'phones.national_lengths'
                ) }}
                and (
                    not {{ is_listed('length(phones.digits)', 'phones.national_lengths') }}
                    or (
                        substr(phones.trunk_prefix, 1, 1) = '0'
                        and length(phones.digits) > {{ longest_local_number }}
                    )
                )
                then phones.digits
        end as international_digits
    from phones

),

phones_resolved as (

    select
        phones_dialled.record_key,
        coalesce(
            one_digit.calling_code,
            two_digits.calling_code,
            three_digits.calling_code,
            case
                when phones_dialled.international_digits is null then phones_dialled.calling_code
            end
        ) as calling_code,
        case
            when phones_dialled.international_digits is null then phones_dialled.trunk_prefix
            else coalesce(
                one_digit.trunk_prefix, two_digits.trunk_prefix, three_digits.trunk_prefix
            )
        end as trunk_prefix,
        case
            when phones_dialled.international_digits is null then phones_dialled.national_lengths
            else coalesce(
                one_digit.national_lengths,
                two_digits.national_lengths,
                three_digits.national_lengths
            )
        end as national_lengths,
        case
            when phones_dialled.international_digits is null then phones_dialled.digits
            else substr(
                phones_dialled.international_digits,
                1 + length(coalesce(
                    one_digit.calling_code, two_digits.calling_code, three_digits.calling_code
                ))
            )
        end as national_digits
    from phones_dialled
    -- Calling codes are free of prefixes: no more than one of the three can be found.
    left join calling_codes as one_digit
        on substr(phones_dialled.international_digits, 1, 1) = one_digit.calling_code
    left join calling_codes as two_digits
        on substr(phones_dialled.international_digits, 1, 2) = two_digits.calling_code
    left join calling_codes as three_digits
        on substr(phones_dialled.international_digits, 1, 3) = three_digits.calling_code

),

phones_without_trunk as (

    select
        phones_resolved.record_key,
        phones_resolved.calling_code,
        phones_resolved.national_lengths,
        case
            when
                substr(phones_resolved.national_digits, 1, length(phones_resolved.trunk_prefix))
                = phones_resolved.trunk_prefix
                and {{ is_listed(
                    'length(phones_resolved.national_digits) - length(phones_resolved.trunk_prefix)',
                    'phones_resolved.national_lengths',
                ) }}
                -- A prefix other than 0 can also be how a number of the country begins.
                and (
                    substr(phones_resolved.trunk_prefix, 1, 1) = '0'
                    or not {{ is_listed(
                        'length(phones_resolved.national_digits)', 'phones_resolved.national_lengths'
                    ) }}
                )
                then substr(
                    phones_resolved.national_digits, length(phones_resolved.trunk_prefix) + 1
                )
            else phones_resolved.national_digits
        end as national_number
    from phones_resolved

),

phones_normalised as (

    select
        phones_without_trunk.record_key,
        '+' || phones_without_trunk.calling_code || phones_without_trunk.national_number
            as phone_e164
    from phones_without_trunk
    where
        {{ is_listed(
            'length(phones_without_trunk.national_number)', 'phones_without_trunk.national_lengths'
        ) }}
        and length(phones_without_trunk.calling_code)
        + length(phones_without_trunk.national_number) <= {{ longest_number }}
        -- One digit throughout, or counting up: typed to get past a form.
        and replace(
            phones_without_trunk.national_number,
            substr(phones_without_trunk.national_number, 1, 1),
            ''
        ) <> ''
        and position(phones_without_trunk.national_number in '01234567890') = 0

),

last_names as (

    select
        keyed.record_key,
        nullif({{ unaccented_text(
            "regexp_replace(keyed.last_name_delivered, '[[:space:]]+', ' ')"
        ) }}, '') as last_name_normalised
    from keyed
    left join placeholders
        on
            placeholders.field = 'last_name'
            and keyed.last_name_delivered = placeholders.placeholder
    -- A name has a letter; a dot or a dash stands for none.
    where
        placeholders.placeholder is null
        and {{ regex_full_match('keyed.last_name_delivered', "'.*\\p{L}.*'") }}

),

final as (

    select
        keyed.record_key,
        keyed.system,
        keyed.object,
        keyed.record_id,
        keyed.record_type,
        emails_normalised.local_part || '@' || emails_normalised.email_domain as email_normalised,
        emails_normalised.email_domain,
        phones_normalised.phone_e164,
        last_names.last_name_normalised,
        row_number() over (
            order by keyed.is_delivered desc, keyed.created_at asc nulls last, keyed.record_key asc
        ) as record_number,
        coalesce(emails_normalised.is_shared_mailbox, false) as is_shared_mailbox,
        coalesce(emails_normalised.is_placeholder_email, false) as is_placeholder_email,
        coalesce(emails_normalised.is_free_mail, false) as is_free_mail,
        keyed.is_delivered,
        coalesce(keyed.is_deleted, false) as is_deleted,
        keyed.created_at
    from keyed
    left join emails_normalised
        on keyed.record_key = emails_normalised.record_key
    left join phones_normalised
        on keyed.record_key = phones_normalised.record_key
    left join last_names
        on keyed.record_key = last_names.record_key

)

select * from final
