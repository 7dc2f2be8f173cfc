with events as (

    select * from {{ source('hubspot', 'email_event') }}

),

clicks as (

    select * from {{ source('hubspot', 'email_event_click') }}

),

opens as (

    select * from {{ source('hubspot', 'email_event_open') }}

),

form_submissions as (

    select * from {{ source('hubspot', 'contact_form_submission') }}

),

forms as (

    select * from {{ source('hubspot', 'form') }}

),

unioned as (

    select
        'email_event' as object,
        events.id as record_id
    from events
    where {{ changed_since_last_build('events') }}

    union all

    select
        'email_event' as object,
        clicks.id as record_id
    from clicks
    where {{ changed_since_last_build('clicks') }}

    union all

    select
        'email_event' as object,
        opens.id as record_id
    from opens
    where {{ changed_since_last_build('opens') }}

    union all

    select
        'contact_form_submission' as object,
        form_submissions.conversion_id as record_id
    from form_submissions
    where {{ changed_since_last_build('form_submissions') }}

    union all

    -- A submission says the name of its form.
    select
        'contact_form_submission' as object,
        form_submissions.conversion_id as record_id
    from form_submissions
    where
        form_submissions.form_id in (
            select forms.guid
            from forms
            where {{ changed_since_last_build('forms') }}
        )

),

final as (

    select distinct
        object,
        record_id
    from unioned

)

select * from final
