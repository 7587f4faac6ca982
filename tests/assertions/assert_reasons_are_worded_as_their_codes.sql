-- Catches two wordings of one reason: what is said to a customer's reader must be what its code's
-- description says. Reasons whose words name a rule or a day are worded by them.
with

reasons as (
    select distinct
        reason,
        reason_words
    from {{ ref('fct_churn_actions') }}
    where reason not in ('suppressed', 'cool_down', 'left_alone')
),

codes as (
    select
        code,
        rtrim(description, '.') as words
    from {{ ref('codes') }}
    where kind = 'reason'
)

select
    reasons.reason,
    reasons.reason_words,
    codes.words
from reasons
left join codes on reasons.reason = codes.code
where reasons.reason_words is distinct from codes.words
