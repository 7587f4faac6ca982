"""The published tables in other databases.

`postgres` brings a generation to PostgreSQL in one transaction; `postgres_sql` says what it makes
there.
"""
