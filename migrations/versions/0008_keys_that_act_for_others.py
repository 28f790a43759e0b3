"""keys that act for others."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Compared as bytes, whatever the database has as its collation.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("service_key", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("acts_for_others", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    for table in _logs():
        # No copy of a log: a column that may be null is added where the table is.
        op.add_column(table, sa.Column("via", TEXT, nullable=True))


def downgrade() -> None:
    """Take the change back."""
    for table in _logs():
        op.drop_column(table, "via")
    with op.batch_alter_table("service_key", schema=None) as batch_op:
        batch_op.drop_column("acts_for_others")


def _logs() -> list[str]:
    return ["entry", "pile"] if op.get_bind().dialect.name == "sqlite" else ["entry"]
