{#- SQL of the key under which the features of a cut-off are kept: of the domain's compiled feature
    SQL, whose hash the platform gives as CHURN_FEATURE_SQL, and of what they are made from. Null
    without it, so that a plain `dbt build` reads nothing that is kept. An environment variable,
    because a var that changes makes dbt read the whole project again.
    content_hash  of control__feature_keys -#}
{% macro feature_key(domain, content_hash) -%}
    case {{ domain }}
        {%- for name, sql_hash in fromjson(env_var('CHURN_FEATURE_SQL', '{}')).items() %}
        when '{{ name }}' then md5('{{ sql_hash }}' || {{ content_hash }})
        {%- endfor %}
        when '' then ''
    end
{%- endmacro %}
