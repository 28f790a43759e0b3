"""inboxes."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "mention",
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item_key"], ["item.key"], name=op.f("fk_mention_item_key_item")),
        sa.ForeignKeyConstraint(["user_key"], ["user.key"], name=op.f("fk_mention_user_key_user")),
        sa.PrimaryKeyConstraint("item_key", "seq", "user_key", name=op.f("pk_mention")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_mention_user_key_item_key_seq", "mention", ["user_key", "item_key", "seq"])
    op.create_table(
        "departure",
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_key"], ["item.key"], name=op.f("fk_departure_item_key_item")
        ),
        sa.ForeignKeyConstraint(
            ["user_key"], ["user.key"], name=op.f("fk_departure_user_key_user")
        ),
        sa.PrimaryKeyConstraint("item_key", "user_key", name=op.f("pk_departure")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_departure_user_key_at", "departure", ["user_key", "at"])
    for table in ("item", "membership"):
        changed_at = sa.Column("changed_at", sa.BigInteger(), server_default="0", nullable=False)
        op.add_column(table, changed_at)
    op.drop_index("ix_membership_user_key", table_name="membership")
    op.create_index("ix_membership_user_key_changed_at", "membership", ["user_key", "changed_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_entry_at",
            "entry",
            ["at"],
            postgresql_using="brin",
            postgresql_with={"autosummarize": "on"},
        )


def downgrade() -> None:
    """Take the change back: who is mentioned stands in the bodies alone."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_entry_at", table_name="entry")
    op.drop_index("ix_membership_user_key_changed_at", table_name="membership")
    op.create_index("ix_membership_user_key", "membership", ["user_key"])
    for table in ("membership", "item"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("changed_at")
    op.drop_table("departure")
    op.drop_table("mention")
