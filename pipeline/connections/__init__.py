"""Pulls the rows of a domain from a database or an object store into files that ingest reads.

In the order of the flow: `reader` says what a database is asked, `postgres` asks PostgreSQL and
`sqlalchemy_reader` any other, `opening` chooses; `schema` compares the columns with those of the
last pull, `window` says which rows are read, `compare` tells new rows from updated and deleted
ones, `landing` keeps the files and where the last pull has come to. `stores` copies the files of an
object store. `pull` does all of it, `sample` reads what is there for a domain that is not made yet.
"""
