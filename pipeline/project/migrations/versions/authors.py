"""Who marked a customer do-not-contact, and who saved an audience."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; what was stored before has no author."""
    op.add_column("suppressions", sa.Column("added_by", sa.String))
    op.add_column("api_audiences", sa.Column("saved_by", sa.String))
