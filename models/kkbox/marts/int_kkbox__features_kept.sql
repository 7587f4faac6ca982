-- One row per member and cut-off made by an earlier build: its features, as they are kept.
{{ features_kept('kkbox') }}
