"""invites."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Compared as bytes, whatever the database has as its collation.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "invite",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("secret_hash", TEXT, nullable=False),
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("via", TEXT, nullable=True),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("uses", sa.Integer(), nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("role IN ('reader', 'writer', 'admin')", name=op.f("ck_invite_role")),
        sa.ForeignKeyConstraint(["item_key"], ["item.key"], name=op.f("fk_invite_item_key_item")),
        sa.ForeignKeyConstraint(["user_key"], ["user.key"], name=op.f("fk_invite_user_key_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invite")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_invite_secret_hash")),
    )
    op.create_index("ix_invite_item_key", "invite", ["item_key"])
    op.create_index("ix_invite_expires_at", "invite", ["expires_at"])


def downgrade() -> None:
    """Take the change back: links that were given away lead nowhere."""
    op.drop_table("invite")
