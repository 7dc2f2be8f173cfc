-- Fails if, in a quarter that is over, what was won before a snapshot, of the deals open at it and
-- of later ones is not its bookings: a deal learned twice, or one that no part holds.
with open_deals as (

    select
        outlook_snapshot_id,
        sum(won_amount) as won_amount
    from {{ ref('fct_pipeline_snapshots') }}
    group by outlook_snapshot_id

)

select
    snapshots.outlook_snapshot_id,
    snapshots.bookings_amount,
    snapshots.won_to_date_amount,
    open_deals.won_amount,
    snapshots.won_later_amount
from {{ ref('fct_outlook_snapshots') }} as snapshots
left join open_deals on snapshots.outlook_snapshot_id = open_deals.outlook_snapshot_id
where
    snapshots.is_complete
    and snapshots.bookings_amount
    <> snapshots.won_to_date_amount
    + coalesce(open_deals.won_amount, 0)
    + snapshots.won_later_amount
