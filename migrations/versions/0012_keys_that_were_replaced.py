"""keys that were replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("service_key", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replaced_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take the change back."""
    # Who does not know the column would take the former secret for the one that counts.
    op.execute("DELETE FROM service_key WHERE replaced_at IS NOT NULL")
    with op.batch_alter_table("service_key", schema=None) as batch_op:
        batch_op.drop_column("replaced_at")
