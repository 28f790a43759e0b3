"""sockets of one item."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change, where several servers share a database."""
    if op.get_bind().dialect.name != "postgresql":
        return
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sockets", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take the change back."""
    if op.get_bind().dialect.name != "postgresql":
        return
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.drop_column("sockets")
