"""edits found by their message."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEX = "ix_entry_item_key_target"


def upgrade() -> None:
    """Apply the change."""
    index_where("target IS NOT NULL")


def downgrade() -> None:
    """Take the change back."""
    index_where("target > 0")


def index_where(condition: str) -> None:
    """Make the index anew, of the rows for which this holds."""
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.drop_index(INDEX)
        batch_op.create_index(
            INDEX,
            ["item_key", "target"],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
