"""Other engines than DuckDB for what grows with the data: labels, features and examples.

`environments` finds an engine, which is installed in an environment of its own; `servers` starts
it, or finds the one that is named; `exchange` gives it the lake and takes what it made, as Parquet;
`build` lets dbt build models on it; `run` builds for a run, and leaves DuckDB what it made;
`compare` compares that with what DuckDB makes itself.
"""
