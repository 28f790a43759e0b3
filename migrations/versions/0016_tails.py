"""tails."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change: what is in pieces stays so."""
    op.drop_index("ix_stream_touched_at", table_name="stream")
    op.add_column("stream", sa.Column("tail_part", sa.Integer(), nullable=True))
    op.add_column("stream", sa.Column("tail_at", sa.BigInteger(), nullable=True))
    op.add_column("stream", sa.Column("tail", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Take the change back: each end becomes a piece."""
    op.execute(
        "INSERT INTO stream_piece (item_key, seq, part, at, text) "
        "SELECT item_key, seq, tail_part, tail_at, tail FROM stream WHERE tail IS NOT NULL"
    )
    with op.batch_alter_table("stream", schema=None) as batch_op:
        for column in ("tail", "tail_at", "tail_part"):
            batch_op.drop_column(column)
    op.create_index("ix_stream_touched_at", "stream", ["touched_at"], unique=False)
