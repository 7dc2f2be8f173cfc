-- Fails if two rows name the same field of an extract, told apart only by capitals or signs: the
-- column would be filled by either, and a field history would be doubled.
select
    system,
    object,
    {{ normalised_name('source_field') }} as source_name,
    count(*) as mappings
from {{ ref('field_mappings') }}
group by system, object, {{ normalised_name('source_field') }}
having count(*) > 1
