"""users who are disconnected."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("disconnects", sa.BigInteger(), server_default="0", nullable=False)
        )


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.drop_column("disconnects")
