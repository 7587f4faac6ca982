-- One row per customer of the scored cohort: the described features behind the score.
{{ customers_of_live_run('kkbox') }}
