"""service keys."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Compared as bytes, whatever the database has as its collation.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "service_key",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("secret_hash", TEXT, nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("items", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_key"], ["user.key"], name=op.f("fk_service_key_user_key_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_key")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_service_key_secret_hash")),
    )
    with op.batch_alter_table("service_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_key_user_key"), ["user_key"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("service_key")
