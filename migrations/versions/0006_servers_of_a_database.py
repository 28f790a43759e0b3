"""servers of a database."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Compared as bytes, whatever the database has as its collation.
TEXT = sa.String(collation="C")


def upgrade() -> None:
    """Apply the change, where several servers share a database."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.create_table(
        "node",
        sa.Column("boot", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("boot", name=op.f("pk_node")),
    )
    op.create_table(
        "presence",
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("boot", TEXT, nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("connections", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("item_key", "boot", "user_key", name=op.f("pk_presence")),
        # Who is connected is true only while servers run: it need not outlive a crash.
        prefixes=["UNLOGGED"],
    )
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_presence_user_key"), ["user_key"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_table("presence")
    op.drop_table("node")
