-- One row per stretch of days in which a log means something else, of every domain that knows any.
{{ staged_union('no_contract', 'log_changes') }}
