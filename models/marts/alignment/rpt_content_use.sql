with content_uses as {{ read_in_place() }} (

    select * from {{ ref('fct_content_uses') }}

),

journey_content as (

    select * from {{ ref('fct_journey_content') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

conversions as (

    select * from {{ ref('fct_conversions') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

content as (

    select * from {{ ref('dim_content') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

entries_with_content as (

    select distinct entry_id
    from content_uses
    where entry_id is not null

),

-- Whoever stood in a stage more than once is one person there.
used_by_people as (

    select
        dates.fiscal_quarter_start_date as quarter_start_date,
        content_uses.stage,
        content_uses.persona,
        content_uses.content_id,
        content_uses.person_id,
        sum(content_uses.uses) as uses,
        max(case when content_uses.went_on then 1 else 0 end) as went_on
    from content_uses
    inner join dates on content_uses.first_used_date = dates.date_day
    group by
        dates.fiscal_quarter_start_date,
        content_uses.stage,
        content_uses.persona,
        content_uses.content_id,
        content_uses.person_id

),

used_in_stages as (

    select
        'use' as scope,
        quarter_start_date,
        stage,
        persona,
        content_id,
        sum(uses) as uses,
        count(*) as people,
        sum(went_on) as people_who_went_on,
        0 as entered,
        0 as entered_without_content,
        0 as sqos,
        0 as won_deals,
        0 as lost_deals,
        0 as won_value
    from used_by_people
    group by quarter_start_date, stage, persona, content_id

),

-- Whoever left a stage in the instant in which they came had no time to use anything there.
stages_and_personas as (

    select
        'stage' as scope,
        dates.fiscal_quarter_start_date as quarter_start_date,
        stage_entries.stage,
        coalesce(stage_entries.persona, '(unknown)') as persona,
        cast(null as {{ dbt.type_string() }}) as content_id,
        0 as uses,
        0 as people,
        0 as people_who_went_on,
        count(*) as entered,
        sum(case when entries_with_content.entry_id is null then 1 else 0 end)
            as entered_without_content,
        0 as sqos,
        0 as won_deals,
        0 as lost_deals,
        0 as won_value
    from stage_entries
    inner join dates on stage_entries.entered_date = dates.date_day
    left join entries_with_content on stage_entries.entry_id = entries_with_content.entry_id
    where
        not stage_entries.is_inferred
        and stage_entries.person_id is not null
        and stage_entries.stage <> 'won'
        and coalesce(stage_entries.left_at, {{ end_of_time() }}) > stage_entries.entered_at
    group by
        dates.fiscal_quarter_start_date,
        stage_entries.stage,
        coalesce(stage_entries.persona, '(unknown)')

),

-- What was used up to the acceptance: a later journey would be longer for deals that were won.
deals as (

    select
        'deals' as scope,
        dates.fiscal_quarter_start_date as quarter_start_date,
        cast(null as {{ dbt.type_string() }}) as stage,
        cast(null as {{ dbt.type_string() }}) as persona,
        journey_content.content_id,
        sum(journey_content.uses) as uses,
        sum(journey_content.people) as people,
        0 as people_who_went_on,
        0 as entered,
        0 as entered_without_content,
        count(*) as sqos,
        sum(case when opportunities.is_won then 1 else 0 end) as won_deals,
        sum(case when opportunities.is_closed and not opportunities.is_won then 1 else 0 end)
            as lost_deals,
        sum(case when opportunities.is_won then coalesce(opportunities.amount, 0) else 0 end)
            as won_value
    from conversions
    inner join opportunities on conversions.opportunity_id = opportunities.opportunity_id
    inner join dates on conversions.converted_date = dates.date_day
    left join journey_content on conversions.conversion_id = journey_content.conversion_id
    where conversions.conversion_type = 'sqo'
    group by dates.fiscal_quarter_start_date, journey_content.content_id

),

all_rows as (

    select * from used_in_stages

    union all

    select * from stages_and_personas

    union all

    select * from deals

),

final as (

    select
        all_rows.scope,
        all_rows.content_id,
        case
            when all_rows.content_id is null and all_rows.scope = 'deals' then '(no content)'
            else coalesce(content.title, all_rows.content_id)
        end as content_title,
        content.job as content_job,
        content.team as content_team,
        all_rows.stage,
        all_rows.persona,
        cast(coalesce(all_rows.uses, 0) as {{ dbt.type_bigint() }}) as uses,
        cast(coalesce(all_rows.people, 0) as {{ dbt.type_bigint() }}) as people,
        cast(all_rows.people_who_went_on as {{ dbt.type_bigint() }}) as people_who_went_on,
        cast(all_rows.entered as {{ dbt.type_bigint() }}) as entered,
        cast(all_rows.entered_without_content as {{ dbt.type_bigint() }})
            as entered_without_content,
        cast(all_rows.sqos as {{ dbt.type_bigint() }}) as sqos,
        cast(all_rows.won_deals as {{ dbt.type_bigint() }}) as won_deals,
        cast(all_rows.lost_deals as {{ dbt.type_bigint() }}) as lost_deals,
        cast(all_rows.won_value as decimal(18, 2)) as won_value,
        all_rows.quarter_start_date
    from all_rows
    left join content on all_rows.content_id = content.content_id

)

select * from final
