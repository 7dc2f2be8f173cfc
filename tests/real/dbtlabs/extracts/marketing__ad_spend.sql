-- One row per day and campaign.
select
    date_day as spend_date,
    utm_source as platform,
    utm_campaign as campaign_id,
    utm_campaign as campaign_name,
    spend as cost,
    'USD' as currency
from read_csv('{data}/ad_spend.csv', all_varchar = true)
