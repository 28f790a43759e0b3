"""versions of rights."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("user", "item")


def upgrade() -> None:
    """Apply the change."""
    for table in TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column("rights", sa.BigInteger(), server_default="0", nullable=False)
            )


def downgrade() -> None:
    """Take the change back."""
    for table in TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("rights")
