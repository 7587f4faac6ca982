{#- The sentence a marketer reads of one driver: the phrase from the feature's YAML with the
    customer's value and what is usual. Expects the aliases `drivers` (feature, value, usual_value)
    and `features` (int_churn__features_described). -#}
{% macro driver_sentence() -%}
    case
        when drivers.feature = 'other' then 'all other patterns together'
        when drivers.value is null then coalesce(features.phrase_null, features.description)
        when features.phrase_true is not null and drivers.value = 1
            then
                features.phrase_true || ' ('
                || {{ format_value('drivers.usual_value', "'share'") }} || ' of customers)'
        when features.phrase_true is not null
            then
                features.phrase_false || ' ('
                || {{ format_value('1 - drivers.usual_value', "'share'") }} || ' of customers)'
        when features.phrase_negative is not null and drivers.value < 0
            then {{ fill_phrase('features.phrase_negative', '-drivers.value') }}
        else {{ fill_phrase('features.phrase', 'drivers.value') }}
    end
{%- endmacro %}
