-- Catches a day of knowledge that depends on what happened: it may only follow from the expiry.
select *
from {{ ref('kkbox__labels') }}
where
    (label_definition = 'lapse' and label_known_on <> {{ add_days('expires_on', 30) }})
    or (label_definition = 'kaggle_rule' and label_known_on <> {{ add_days('expires_on', 31) }})
