{{ config(severity='warn') }}

-- Fails if an opportunity states a type that opportunity_types does not know, so that it counts as
-- the default. It warns, because a default is agreed; sales operations adds the value or confirms
-- it. Deals without any type are not listed.
select
    system,
    original_type,
    opportunity_type,
    count(*) as opportunities
from {{ ref('int_opportunity_records_unioned') }}
where
    original_type is not null
    and not is_type_mapped
group by system, original_type, opportunity_type
