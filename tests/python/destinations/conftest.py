"""The database that a generation is brought to."""

from postgres_server import asks, database, postgres

__all__ = ["asks", "database", "postgres"]
