-- Fails if a HubSpot contact or deal stands as a record that was itself merged away, so that what
-- belongs to it would hang on a record that is gone. Two records that name each other as survivor
-- show up here too.
with contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

deal_merges as (

    select * from {{ ref('stg_hubspot__merged_deals') }}

),

every_merge as (

    select
        object,
        record_id,
        into_record_id
    from contact_merges

    union all

    select
        object,
        record_id,
        into_record_id
    from deal_merges

)

select
    every_merge.object,
    every_merge.record_id,
    every_merge.into_record_id
from every_merge
inner join every_merge as further_merges
    on
        every_merge.object = further_merges.object
        and every_merge.into_record_id = further_merges.record_id
