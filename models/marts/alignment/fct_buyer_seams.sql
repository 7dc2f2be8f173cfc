{%- set silence_days = var('seam_silence_days', 7) -%}

with handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

people as (

    select * from {{ ref('dim_people') }}

),

reps as (

    select * from {{ ref('dim_reps') }}

),

activities as {{ read_in_place() }} (

    select * from {{ ref('int_activities') }}

),

-- What an MQL of a grade is worth: the won value of the last twelve months for each of its MQLs.
grade_values as (

    select
        grade,
        sum(
            case
                when won_at > {{ dbt.dateadd('month', -12, as_of()) }} then coalesce(amount, 0)
                else 0
            end
        ) as won_value,
        sum(
            case
                when
                    mql_at > {{ dbt.dateadd('month', -12, as_of()) }}
                    and not is_mql_inferred
                    then 1
                else 0
            end
        ) as mqls
    from lead_cycles
    where grade is not null
    group by grade

),

mql_values as (

    select
        grade,
        {{ divide_money('won_value', 1, 'mqls') }} as mql_value
    from grade_values

),

-- Whoever was answered waited until then, anybody else until the cycle ended or to this day.
waits as (

    select
        lead_cycle_id,
        person_id,
        account_id,
        rep_id,
        grade,
        handed_over_at,
        first_touch_at,
        case
            when first_touch_at is not null then greatest(first_touch_at, handed_over_at)
            else least(coalesce(ended_at, data_cut_at), data_cut_at)
        end as heard_at
    from handoffs
    where
        is_handed_over
        and handed_over_at is not null

),

silences as (

    select
        'silence_after_handoff' as seam,
        'lead_cycle' as subject_type,
        lead_cycle_id as subject_id,
        lead_cycle_id,
        person_id,
        account_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        rep_id,
        grade,
        greatest({{ seconds_between('handed_over_at', 'heard_at') }}, 0) / 86400 as extent,
        {{ seconds_between('handed_over_at', 'heard_at') }} > {{ silence_days }} * 86400 as is_case,
        {{ business_date('handed_over_at') }} as seam_date
    from waits
    where
        first_touch_at is not null
        or {{ seconds_between('handed_over_at', 'heard_at') }} > {{ silence_days }} * 86400

),

lead_owner_changes as (

    select
        'owner_changes_of_lead' as seam,
        'lead_cycle' as subject_type,
        lead_cycle_id as subject_id,
        lead_cycle_id,
        person_id,
        account_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        last_owner_rep_id as rep_id,
        grade,
        cast(owners - 1 as double) as extent,
        owners > 1 as is_case,
        {{ business_date('handed_over_at') }} as seam_date
    from handoffs
    where
        is_handed_over
        and handed_over_at is not null
        and owners > 0

),

owners_of_deals as (

    select
        opportunity_id,
        rep_id,
        lag(rep_id) over (partition by opportunity_id order by state_number) as previous_rep_id
    from opportunity_states
    where rep_id is not null

),

changes_of_deals as (

    select
        opportunity_id,
        sum(case when rep_id <> previous_rep_id then 1 else 0 end) as owner_changes
    from owners_of_deals
    group by opportunity_id

),

deal_owner_changes as (

    select
        'owner_changes_of_deal' as seam,
        'opportunity' as subject_type,
        opportunities.opportunity_id as subject_id,
        cast(null as {{ dbt.type_string() }}) as lead_cycle_id,
        opportunities.person_id,
        opportunities.account_id,
        opportunities.opportunity_id,
        opportunities.rep_id,
        cast(null as {{ dbt.type_string() }}) as grade,
        cast(changes_of_deals.owner_changes as double) as extent,
        changes_of_deals.owner_changes > 0 as is_case,
        opportunities.created_date as seam_date
    from opportunities
    inner join changes_of_deals
        on opportunities.opportunity_id = changes_of_deals.opportunity_id

),

living_people as (

    select
        person_id,
        account_id,
        coalesce(account_id, person_id) as party_id
    from people
    where not is_excluded

),

deals as (

    select
        opportunity_id,
        person_id,
        account_id,
        rep_id,
        opportunity_type,
        coalesce(account_id, person_id) as party_id,
        coalesce(last_open_amount, amount, 0) as amount,
        created_at,
        coalesce(closed_at, {{ end_of_time() }}) as open_until,
        created_date
    from opportunities

),

-- Mail of marketing to people of a party that has an open deal.
people_of_deals as (

    select
        deals.opportunity_id,
        living_people.person_id,
        deals.created_at,
        deals.open_until
    from deals
    inner join living_people on deals.party_id = living_people.party_id

),

deal_mails as (

    select
        people_of_deals.opportunity_id,
        count(*) as mails
    from people_of_deals
    inner join activities
        on
            people_of_deals.person_id = activities.person_id
            and people_of_deals.created_at <= activities.occurred_at
            and people_of_deals.open_until > activities.occurred_at
    where
        activities.activity_type = 'email_sent'
        and activities.is_activity
        and activities.team = 'marketing'
    group by people_of_deals.opportunity_id

),

nurtured_deals as (

    select
        'nurture_during_deal' as seam,
        'opportunity' as subject_type,
        deals.opportunity_id as subject_id,
        cast(null as {{ dbt.type_string() }}) as lead_cycle_id,
        deals.person_id,
        deals.account_id,
        deals.opportunity_id,
        deals.rep_id,
        cast(null as {{ dbt.type_string() }}) as grade,
        cast(coalesce(deal_mails.mails, 0) as double) as extent,
        deal_mails.mails is not null as is_case,
        deals.created_date as seam_date
    from deals
    left join deal_mails on deals.opportunity_id = deal_mails.opportunity_id
    where deals.opportunity_type in ('new', 'expansion')

),

mails_of_sales as (

    select
        activities.person_id,
        living_people.party_id,
        activities.rep_id,
        {{ business_date('activities.occurred_at') }} as sent_date,
        activities.occurred_at as sent_at
    from activities
    inner join living_people on activities.person_id = living_people.person_id
    where
        activities.activity_type = 'email_sent'
        and activities.is_activity
        and activities.team = 'sales'
        and activities.is_human_touch

),

days_of_sales as (

    select
        person_id,
        sent_date,
        max(party_id) as party_id,
        max(rep_id) as rep_id,
        min(sent_at) as first_sent_at
    from mails_of_sales
    group by person_id, sent_date

),

people_of_sales as (

    select distinct person_id
    from mails_of_sales

),

mails_of_marketing as (

    select
        activities.person_id,
        {{ business_date('activities.occurred_at') }} as sent_date
    from activities
    inner join people_of_sales on activities.person_id = people_of_sales.person_id
    where
        activities.activity_type = 'email_sent'
        and activities.is_activity
        and activities.team = 'marketing'

),

days_of_marketing as (

    select
        person_id,
        sent_date,
        count(*) as mails
    from mails_of_marketing
    group by person_id, sent_date

),

-- The largest deal that was open when sales first wrote that day.
deals_of_days as (

    select
        days_of_sales.person_id,
        days_of_sales.sent_date,
        deals.opportunity_id,
        row_number() over (
            partition by days_of_sales.person_id, days_of_sales.sent_date
            order by deals.amount desc, deals.opportunity_id asc
        ) as place
    from days_of_sales
    inner join deals
        on
            days_of_sales.party_id = deals.party_id
            and days_of_sales.first_sent_at >= deals.created_at
            and days_of_sales.first_sent_at < deals.open_until

),

shared_days as (

    select
        'both_teams_wrote' as seam,
        'person_day' as subject_type,
        days_of_sales.person_id || ':' || cast(days_of_sales.sent_date as {{ dbt.type_string() }})
            as subject_id,
        cast(null as {{ dbt.type_string() }}) as lead_cycle_id,
        days_of_sales.person_id,
        living_people.account_id,
        deals_of_days.opportunity_id,
        days_of_sales.rep_id,
        cast(null as {{ dbt.type_string() }}) as grade,
        cast(coalesce(days_of_marketing.mails, 0) as double) as extent,
        days_of_marketing.mails is not null as is_case,
        days_of_sales.sent_date as seam_date
    from days_of_sales
    inner join living_people on days_of_sales.person_id = living_people.person_id
    left join days_of_marketing
        on
            days_of_sales.person_id = days_of_marketing.person_id
            and days_of_sales.sent_date = days_of_marketing.sent_date
    left join deals_of_days
        on
            days_of_sales.person_id = deals_of_days.person_id
            and days_of_sales.sent_date = deals_of_days.sent_date
            and deals_of_days.place = 1

),

seams as (

    select * from silences

    union all

    select * from lead_owner_changes

    union all

    select * from deal_owner_changes

    union all

    select * from nurtured_deals

    union all

    select * from shared_days

),

final as (

    select
        seams.seam || ':' || seams.subject_id as seam_id,
        seams.seam,
        seams.subject_type,
        seams.subject_id,
        seams.lead_cycle_id,
        seams.person_id,
        seams.account_id,
        coalesce(seams.opportunity_id, lead_cycles.opportunity_id) as opportunity_id,
        seams.rep_id,
        case
            when seams.rep_id is null then '(nobody)'
            else coalesce(reps.rep_group, '(not named)')
        end as owner_team,
        seams.is_case,
        seams.extent,
        cast(
            coalesce(deals.amount, cycle_deals.amount, mql_values.mql_value, 0) as decimal(18, 2)
        ) as money,
        seams.seam_date
    from seams
    left join reps on seams.rep_id = reps.rep_id
    left join lead_cycles on seams.lead_cycle_id = lead_cycles.lead_cycle_id
    left join deals on seams.opportunity_id = deals.opportunity_id
    left join deals as cycle_deals on lead_cycles.opportunity_id = cycle_deals.opportunity_id
    left join mql_values on seams.grade = mql_values.grade

)

select * from final
