"""webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Compared as bytes, whatever the database has as its collation.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "webhook",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=True),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("items", TEXT, nullable=False),
        sa.Column("kinds", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("paused", TEXT, nullable=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_item", TEXT, nullable=True),
        sa.Column("failure", TEXT, nullable=True),
        sa.Column("server", TEXT, nullable=True),
        sa.Column("leased_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["user_key"], ["user.key"], name=op.f("fk_webhook_user_key_user")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_webhook")),
        sa.UniqueConstraint("id", name=op.f("uq_webhook_id")),
    )
    with op.batch_alter_table("webhook", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhook_user_key"), ["user_key"], unique=False)
    op.create_table(
        "webhook_cursor",
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("webhook_key", sa.Integer(), nullable=False),
        sa.Column("epoch", TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_key"], ["item.key"], name=op.f("fk_webhook_cursor_item_key_item")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_key"], ["webhook.key"], name=op.f("fk_webhook_cursor_webhook_key_webhook")
        ),
        sa.PrimaryKeyConstraint("item_key", "webhook_key", name=op.f("pk_webhook_cursor")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("webhook_cursor", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_cursor_webhook_key_next_at", ["webhook_key", "next_at"], unique=False
        )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("webhook_cursor")
    op.drop_table("webhook")
