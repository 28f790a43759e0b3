"""a pile of new entries."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = [
    "item_key",
    "seq",
    "kind",
    "author_key",
    "at",
    "ref",
    "digest",
    "target",
    "body",
    "edited_seq",
    "deleted_seq",
]


def upgrade() -> None:
    """Apply the change, where tables are clustered by their keys."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.create_table(
        "pile",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("author_key", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("target", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("edited_seq", sa.BigInteger(), nullable=True),
        sa.Column("deleted_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pile")),
        sa.UniqueConstraint("item_key", "seq", name=op.f("uq_pile_item_key_seq")),
    )
    with op.batch_alter_table("pile", schema=None) as batch_op:
        batch_op.create_index(
            "uq_pile_item_key_author_key_ref",
            ["item_key", "author_key", "ref"],
            unique=True,
            sqlite_where=sa.text("ref IS NOT NULL"),
        )


def downgrade() -> None:
    """Take the change back: what is on the pile goes to its place."""
    if op.get_bind().dialect.name != "sqlite":
        return
    pile = sa.table("pile", *map(sa.column, COLUMNS))
    entry = sa.table("entry", *map(sa.column, COLUMNS))
    waiting = sa.select(pile).order_by(pile.c.item_key, pile.c.seq)
    op.execute(entry.insert().from_select(COLUMNS, waiting))
    op.drop_table("pile")
