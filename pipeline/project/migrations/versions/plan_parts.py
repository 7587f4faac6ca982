"""The parts of segments that a saved plan is for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Widen the table of saved plans."""
    op.add_column("plans", sa.Column("parts", sa.String))
