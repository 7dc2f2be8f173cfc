{#- What is of a deal or an invoice goes again with every build: more than one party decides it. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed'), also='opportunity_id is not null') }}",
) }}

{%- set rounds = 3 -%}

with team_records as (

    select *
    from {{ ref('int_team_figure_records') }}
    where
        opportunity_id is not null
        or {{ only_changed_people() }}

),

team_figures as (

    select * from {{ ref('fct_team_figures') }}

),

figure_rules as (

    select * from {{ ref('team_figure_rules') }}

),

crm_systems_in_use as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

people as (

    select * from {{ ref('dim_people') }}

),

people_records as (

    select * from {{ ref('bridge_person_records') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

team_deals as (

    select * from {{ ref('int_team_deals') }}

),

held_back_records as (

    select * from {{ ref('int_held_back_records') }}

),

shared_records as (

    select *
    from {{ ref('fct_shared_records') }}
    where
        opportunity_id is not null
        or {{ only_changed_people() }}

),

candidates as (

    select
        team_records.kpi,
        team_records.side,
        team_records.party_id,
        team_records.record_key,
        team_records.figure_record_id,
        shared_records.shared_record_id,
        case
            when
                team_records.original_amount = shared_records.original_amount
                and team_records.currency = shared_records.currency
                then 0
            else 1
        end as is_other_amount,
        -- Of several deals that are one opportunity, the first is it.
        case
            when team_records.opportunity_id is null
                then {{ seconds_between('shared_records.counted_at', 'team_records.counted_at') }}
            else 0
        end as seconds_apart,
        team_records.counted_at
    from team_records
    inner join shared_records
        on
            team_records.kpi = shared_records.kpi
            and team_records.party_id = shared_records.party_id
            and case when team_records.side = 'finance' then 'finance' else 'team' end
            = shared_records.compared_with

),

-- Most parties have one record on each side: only of the others is there anything to choose.
parties_to_choose as (

    select
        kpi,
        side,
        party_id
    from candidates
    group by kpi, side, party_id
    having count(*) > 1

),

choices as (

    select
        candidates.kpi,
        candidates.side,
        candidates.record_key,
        candidates.figure_record_id,
        candidates.shared_record_id,
        candidates.is_other_amount,
        candidates.seconds_apart,
        candidates.counted_at
    from candidates
    inner join parties_to_choose
        on
            candidates.kpi = parties_to_choose.kpi
            and candidates.side = parties_to_choose.side
            and candidates.party_id = parties_to_choose.party_id

),

{%- for round in range(1, rounds + 1) %}
    {%- set previous = 'choices' if loop.first else 'left_over_' ~ (round - 1) %}

    -- Two records that are each other's nearest are one; who is left over looks again.
    nearest_{{ round }} as (

        select
            kpi,
            side,
            record_key,
            figure_record_id,
            shared_record_id,
            is_other_amount,
            seconds_apart,
            counted_at,
            row_number() over (
                partition by figure_record_id
                order by is_other_amount asc, abs(seconds_apart) asc, shared_record_id asc
            ) as shared_place,
            row_number() over (
                partition by side, shared_record_id
                order by
                    is_other_amount asc,
                    abs(seconds_apart) asc,
                    counted_at asc,
                    figure_record_id asc
            ) as team_place
        from {{ previous }}

    ),

    matched_{{ round }} as (

        select
            kpi,
            side,
            record_key,
            figure_record_id,
            shared_record_id
        from nearest_{{ round }}
        where
            shared_place = 1
            and team_place = 1

    ),

    -- Whose nearest another record of the same person or deal took is a second one of it, and not
    -- that of another entry. Invoices are not: one account has many.
    settled_{{ round }} as (

        select figure_record_id
        from matched_{{ round }}

        union

        select nearest_{{ round }}.figure_record_id
        from nearest_{{ round }}
        inner join matched_{{ round }} as taken
            on
                nearest_{{ round }}.side = taken.side
                and nearest_{{ round }}.shared_record_id = taken.shared_record_id
        where
            nearest_{{ round }}.shared_place = 1
            and nearest_{{ round }}.record_key <> taken.record_key
            and nearest_{{ round }}.side <> 'finance'

    ),

    left_over_{{ round }} as (

        select
            {{ previous }}.kpi,
            {{ previous }}.side,
            {{ previous }}.record_key,
            {{ previous }}.figure_record_id,
            {{ previous }}.shared_record_id,
            {{ previous }}.is_other_amount,
            {{ previous }}.seconds_apart,
            {{ previous }}.counted_at
        from {{ previous }}
        left join settled_{{ round }} as settled
            on {{ previous }}.figure_record_id = settled.figure_record_id
        left join matched_{{ round }} as shared_matched
            on
                {{ previous }}.side = shared_matched.side
                and {{ previous }}.shared_record_id = shared_matched.shared_record_id
        where
            settled.figure_record_id is null
            and shared_matched.shared_record_id is null

    ),
{%- endfor %}

matched_without_choice as (

    select
        candidates.kpi,
        candidates.side,
        candidates.figure_record_id,
        candidates.shared_record_id
    from candidates
    left join parties_to_choose
        on
            candidates.kpi = parties_to_choose.kpi
            and candidates.side = parties_to_choose.side
            and candidates.party_id = parties_to_choose.party_id
    where parties_to_choose.party_id is null

),

matched as (

    select * from matched_without_choice
    {%- for round in range(1, rounds + 1) %}

        union all

        select
            kpi,
            side,
            figure_record_id,
            shared_record_id
        from matched_{{ round }}
    {%- endfor %}

),

sides as (

    select distinct
        kpi,
        side,
        case when side = 'finance' then 'finance' else 'team' end as compared_with
    from team_figures
    where has_records

),

side_objects as (

    select distinct
        figure_rules.kpi,
        figure_rules.side,
        figure_rules.system,
        figure_rules.object
    from figure_rules
    inner join sides
        on
            figure_rules.kpi = sides.kpi
            and figure_rules.side = sides.side
    left join crm_systems_in_use on figure_rules.system = crm_systems_in_use.system
    where
        figure_rules.side <> 'crm'
        or crm_systems_in_use.system is not null

),

counted_by_side as (

    select
        team_records.kpi,
        team_records.side,
        team_records.figure_record_id,
        matched.shared_record_id,
        team_records.rule_id,
        team_records.record_key,
        team_records.system,
        team_records.object,
        team_records.record_id,
        -- A match has one party on both sides.
        team_records.party_id,
        coalesce(
            shared_records.person_id, team_records.person_id, opportunities.person_id
        ) as person_id,
        coalesce(shared_records.opportunity_id, team_records.opportunity_id) as opportunity_id,
        coalesce(shared_records.account_id, team_records.account_id, opportunities.account_id)
            as account_id,
        shared_records.entry_id,
        shared_records.grade,
        team_records.period_month as side_month,
        shared_records.period_month as shared_month,
        team_records.value as side_value,
        shared_records.value as shared_value,
        team_records.held_back_by,
        team_records.is_held_back,
        coalesce(
            team_records.period_month = shared_records.period_month
            and team_records.value = shared_records.value,
            false
        ) as is_agreed,
        team_records.counted_at as side_counted_at,
        shared_records.counted_at as shared_counted_at
    from team_records
    left join matched on team_records.figure_record_id = matched.figure_record_id
    left join shared_records on matched.shared_record_id = shared_records.shared_record_id
    left join opportunities on team_records.opportunity_id = opportunities.opportunity_id

),

counted_by_shared_alone as (

    select
        sides.kpi,
        sides.side,
        cast(null as {{ dbt.type_string() }}) as figure_record_id,
        shared_records.shared_record_id,
        cast(null as {{ dbt.type_string() }}) as rule_id,
        cast(null as {{ dbt.type_string() }}) as record_key,
        cast(null as {{ dbt.type_string() }}) as system,
        cast(null as {{ dbt.type_string() }}) as object,
        cast(null as {{ dbt.type_string() }}) as record_id,
        shared_records.party_id,
        shared_records.person_id,
        shared_records.opportunity_id,
        shared_records.account_id,
        shared_records.entry_id,
        shared_records.grade,
        cast(null as date) as side_month,
        shared_records.period_month as shared_month,
        cast(null as decimal(18, 2)) as side_value,
        shared_records.value as shared_value,
        cast(null as {{ dbt.type_string() }}) as held_back_by,
        false as is_held_back,
        false as is_agreed,
        cast(null as {{ dbt.type_timestamp() }}) as side_counted_at,
        shared_records.counted_at as shared_counted_at
    from shared_records
    inner join sides
        on
            shared_records.kpi = sides.kpi
            and shared_records.compared_with = sides.compared_with
    left join matched
        on
            sides.side = matched.side
            and shared_records.shared_record_id = matched.shared_record_id
    where matched.shared_record_id is null

),

described as (

    select * from counted_by_side

    union all

    select * from counted_by_shared_alone

),

disagreeing as (

    select *
    from described
    where not is_agreed

),

disagreeing_parties as (

    select distinct
        kpi,
        side,
        party_id
    from disagreeing
    where party_id is not null

),

-- What else is known of the same person, opportunity or account under the same figure.
of_disagreeing_parties as (

    select
        described.kpi,
        described.side,
        described.party_id,
        described.figure_record_id,
        described.shared_record_id,
        described.record_key,
        described.side_counted_at
    from described
    inner join disagreeing_parties
        on
            described.kpi = disagreeing_parties.kpi
            and described.side = disagreeing_parties.side
            and described.party_id = disagreeing_parties.party_id

),

parties as (

    select
        kpi,
        side,
        party_id,
        count(shared_record_id) as shared_records,
        count(figure_record_id) as side_records,
        min(case when shared_record_id is not null then record_key end) as a_matched_record,
        max(case when shared_record_id is not null then record_key end) as another_matched_record
    from of_disagreeing_parties
    group by kpi, side, party_id

),

first_records as (

    select
        figure_record_id,
        first_value(record_key) over (
            partition by kpi, side, party_id
            order by side_counted_at asc, record_key asc, figure_record_id asc
        ) as first_record
    from of_disagreeing_parties
    where figure_record_id is not null

),

-- Whom or what the side's own systems know at all, counted or not.
known_records as (

    select
        system,
        object,
        person_id as party_id,
        cast(null as {{ dbt.type_string() }}) as held_back_by
    from people_records
    where not is_deleted

    union all

    select
        system,
        object,
        person_id as party_id,
        owner as held_back_by
    from held_back_records

    union all

    select
        system,
        object,
        opportunity_id as party_id,
        held_back_by
    from team_deals

),

known_to_the_side as (

    select
        side_objects.kpi,
        side_objects.side,
        known_records.party_id,
        max(known_records.held_back_by) as held_back_by
    from known_records
    inner join side_objects
        on
            known_records.system = side_objects.system
            and known_records.object = side_objects.object
    inner join disagreeing_parties
        on
            side_objects.kpi = disagreeing_parties.kpi
            and side_objects.side = disagreeing_parties.side
            and known_records.party_id = disagreeing_parties.party_id
    group by side_objects.kpi, side_objects.side, known_records.party_id

),

reasoned as (

    select
        disagreeing.kpi,
        disagreeing.side,
        disagreeing.figure_record_id,
        disagreeing.shared_record_id,
        disagreeing.rule_id,
        disagreeing.record_key,
        disagreeing.system,
        disagreeing.object,
        disagreeing.record_id,
        disagreeing.person_id,
        disagreeing.opportunity_id,
        disagreeing.account_id,
        disagreeing.entry_id,
        disagreeing.grade,
        disagreeing.side_month,
        disagreeing.shared_month,
        disagreeing.side_value,
        disagreeing.shared_value,
        disagreeing.side_counted_at,
        disagreeing.shared_counted_at,
        coalesce(disagreeing.held_back_by, known_to_the_side.held_back_by) as held_back_by,
        case
            when disagreeing.is_held_back then 'held_back_by_contract'
            when
                disagreeing.figure_record_id is null
                and known_to_the_side.held_back_by is not null
                then 'held_back_by_contract'
            when
                disagreeing.shared_record_id is null
                and (
                    (
                        parties.a_matched_record is not null
                        and (
                            parties.a_matched_record <> disagreeing.record_key
                            or parties.another_matched_record <> disagreeing.record_key
                        )
                    )
                    or (
                        parties.a_matched_record is null
                        and first_records.first_record <> disagreeing.record_key
                    )
                )
                then 'duplicate'
            when
                disagreeing.shared_record_id is null
                and people.is_excluded
                then 'excluded'
            when disagreeing.shared_record_id is null and disagreeing.party_id is null
                then 'no_record_here'
            when
                disagreeing.figure_record_id is null
                and known_to_the_side.party_id is null
                and coalesce(parties.side_records, 0) = 0
                then 'no_record_here'
            -- An invoice has no bookings that it is of, or bookings have no invoice yet.
            when
                disagreeing.side = 'finance'
                and (
                    disagreeing.shared_record_id is null
                    or disagreeing.figure_record_id is null
                )
                then 'no_record_here'
            when
                disagreeing.shared_record_id is null
                and parties.shared_records = 0
                then
                    case
                        when disagreeing.kpi = 'bookings' then 'status_differs'
                        else 'below_definition'
                    end
            when disagreeing.side_month <> disagreeing.shared_month then 'other_period'
            when disagreeing.shared_record_id is null then 're_entry'
            when disagreeing.figure_record_id is null and parties.side_records > 0
                then 're_entry'
            when disagreeing.figure_record_id is null then 'status_differs'
            else 'amount_or_currency_differs'
        end as reason
    from disagreeing
    left join parties
        on
            disagreeing.kpi = parties.kpi
            and disagreeing.side = parties.side
            and disagreeing.party_id = parties.party_id
    left join first_records on disagreeing.figure_record_id = first_records.figure_record_id
    left join people on disagreeing.person_id = people.person_id
    left join known_to_the_side
        on
            disagreeing.kpi = known_to_the_side.kpi
            and disagreeing.side = known_to_the_side.side
            and disagreeing.party_id = known_to_the_side.party_id

),

every as (

    select
        kpi,
        side,
        figure_record_id,
        shared_record_id,
        rule_id,
        record_key,
        system,
        object,
        record_id,
        person_id,
        opportunity_id,
        account_id,
        entry_id,
        grade,
        side_month,
        shared_month,
        side_value,
        shared_value,
        side_counted_at,
        shared_counted_at,
        cast(null as {{ dbt.type_string() }}) as held_back_by,
        cast(null as {{ dbt.type_string() }}) as reason
    from described
    where is_agreed

    union all

    select * from reasoned

),

final as (

    select
        md5(
            kpi || '|' || side || '|' || coalesce(figure_record_id, '')
            || '|' || coalesce(shared_record_id, '')
        ) as alignment_record_id,
        kpi,
        side,
        rule_id,
        record_key,
        entry_id,
        person_id,
        account_id,
        opportunity_id,
        system,
        object,
        record_id,
        grade,
        reason,
        case when reason = 'held_back_by_contract' then held_back_by end as held_back_by,
        side_value,
        shared_value,
        figure_record_id is not null as is_counted_by_side,
        shared_record_id is not null as is_counted_by_shared,
        reason is null as is_agreed,
        side_month,
        shared_month,
        side_counted_at,
        shared_counted_at
    from every

)

select * from final
