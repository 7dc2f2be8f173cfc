{%- set cell = [
    'opportunity_type',
    'motion',
    'owner_team',
    'owner_region',
    'region',
    'close_quarter_start_date',
] -%}
{#- Column, the step that fills it, and its sign: what leaves is shown as a positive figure. -#}
{%- set flows = [
    ('created', 'created', 1),
    ('pulled_in', 'pulled_in', 1),
    ('reopened', 'reopened', 1),
    ('pushed_out', 'pushed_out', -1),
    ('won', 'won', -1),
    ('lost', 'lost', -1),
    ('removed', 'removed', -1),
    ('moved', 'moved', 1),
] -%}

with pipeline_changes as (

    select * from {{ ref('fct_pipeline_changes') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

-- A deal without a close date is in no quarter; its cell is there all the same.
placed as (

    select
        opportunity_type,
        motion,
        owner_team,
        owner_region,
        region,
        coalesce(close_quarter_start_date, cast('0001-01-01' as date))
            as close_quarter_start_date,
        step,
        opportunity_count,
        amount,
        changed_month
    from pipeline_changes

),

flows_by_month as (

    select
        {{ cell | join(',\n        ') }},
        changed_month as period_month,
        {%- for column, step, sign in flows %}
            sum(case when step = '{{ step }}' then {{ sign }} * amount else 0 end)
                as {{ column }}_amount,
            sum(case when step = '{{ step }}' then {{ sign }} * opportunity_count else 0 end)
                as {{ column }}_opportunities,
        {%- endfor %}
        sum(case when step = 'amount' then amount else 0 end) as amount_change,
        sum(case when step = 'currency' then amount else 0 end) as currency_change,
        sum(amount) as net_amount,
        sum(opportunity_count) as net_opportunities
    from placed
    group by {{ cell | join(', ') }}, changed_month

),

cells as (

    select
        {{ cell | join(',\n        ') }},
        min(period_month) as first_month,
        max(period_month) as last_flow_month,
        sum(net_opportunities) as open_opportunities
    from flows_by_month
    group by {{ cell | join(', ') }}

),

-- Without a gap from the first movement to the last, or to now while something is open, so that
-- every end is the next month's start.
cell_months as (

    select
        {%- for column in cell %}
            cells.{{ column }},
        {%- endfor %}
        dates.date_day as period_month
    from cells
    inner join dates
        on
            dates.day_of_month = 1
            and cells.first_month <= dates.date_day
            and dates.date_day
            <= case
                when cells.open_opportunities <> 0
                    then {{ month_start(business_date(as_of())) }}
                else cells.last_flow_month
            end

),

filled as (

    select
        {%- for column in cell %}
            cell_months.{{ column }},
        {%- endfor %}
        cell_months.period_month,
        {%- for column, step, sign in flows %}
            coalesce(flows_by_month.{{ column }}_amount, 0) as {{ column }}_amount,
            coalesce(flows_by_month.{{ column }}_opportunities, 0) as {{ column }}_opportunities,
        {%- endfor %}
        coalesce(flows_by_month.amount_change, 0) as amount_change,
        coalesce(flows_by_month.currency_change, 0) as currency_change,
        sum(coalesce(flows_by_month.net_amount, 0)) over cell_to_date as ending_amount,
        sum(coalesce(flows_by_month.net_opportunities, 0)) over cell_to_date
            as ending_opportunities
    from cell_months
    left join flows_by_month
        on
            cell_months.period_month = flows_by_month.period_month
            {%- for column in cell %}
                and cell_months.{{ column }} = flows_by_month.{{ column }}
            {%- endfor %}
    window cell_to_date as (
        partition by cell_months.{{ cell | join(', cell_months.') }}
        order by cell_months.period_month asc
        rows between unbounded preceding and current row
    )

),

chained as (

    select
        *,
        coalesce(lag(ending_amount) over cell_months_before, 0) as starting_amount,
        coalesce(lag(ending_opportunities) over cell_months_before, 0) as starting_opportunities
    from filled
    window cell_months_before as (
        partition by {{ cell | join(', ') }} order by period_month asc
    )

),

final as (

    select
        {{ dbt.hash(
            "opportunity_type || '|' || motion || '|' || owner_team || '|' || owner_region"
            " || '|' || region || '|'"
            " || cast(close_quarter_start_date as " ~ dbt.type_string() ~ ") || '|'"
            " || cast(period_month as " ~ dbt.type_string() ~ ")"
        ) }} as pipeline_bridge_id,
        opportunity_type,
        motion,
        owner_team,
        owner_region,
        region,
        case
            when close_quarter_start_date > cast('0001-01-01' as date)
                then {{ fiscal_year('close_quarter_start_date') }}
        end as close_fiscal_year,
        case
            when close_quarter_start_date > cast('0001-01-01' as date)
                then
                    cast(
                        floor(({{ fiscal_month('close_quarter_start_date') }} + 2) / 3.0)
                        as integer
                    )
        end as close_fiscal_quarter,
        cast(starting_amount as decimal(18, 2)) as starting_amount,
        {%- for column, step, sign in flows %}
            cast({{ column }}_amount as decimal(18, 2)) as {{ column }}_amount,
        {%- endfor %}
        cast(amount_change as decimal(18, 2)) as amount_change,
        cast(currency_change as decimal(18, 2)) as currency_change,
        cast(ending_amount as decimal(18, 2)) as ending_amount,
        cast(starting_opportunities as bigint) as starting_opportunities,
        {%- for column, step, sign in flows %}
            cast({{ column }}_opportunities as bigint) as {{ column }}_opportunities,
        {%- endfor %}
        cast(ending_opportunities as bigint) as ending_opportunities,
        case
            when close_quarter_start_date > cast('0001-01-01' as date)
                then close_quarter_start_date
        end as close_quarter_start_date,
        period_month
    from chained

)

select * from final
