"""streams."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Compared as bytes, whatever the database has as its collation.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "stream",
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("author_key", sa.Integer(), nullable=False),
        sa.Column("lengths", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.Column("stop_seq", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_key"], ["user.key"], name=op.f("fk_stream_author_key_user")
        ),
        sa.ForeignKeyConstraint(["item_key"], ["item.key"], name=op.f("fk_stream_item_key_item")),
        sa.PrimaryKeyConstraint("item_key", "seq", name=op.f("pk_stream")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("stream", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stream_touched_at"), ["touched_at"], unique=False)
    op.create_table(
        "stream_piece",
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_key"], ["item.key"], name=op.f("fk_stream_piece_item_key_item")
        ),
        sa.PrimaryKeyConstraint("item_key", "seq", "part", "at", name=op.f("pk_stream_piece")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take the change back: what is in the making is lost but for how it was begun."""
    op.drop_table("stream_piece")
    op.drop_table("stream")
