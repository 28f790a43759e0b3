"""the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Ids are compared as bytes, as they are where nothing is said of it.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the first tables: one list, as long as they have columns."""
    op.create_table(
        "item",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("default_role", TEXT, nullable=True),
        sa.Column("retention_days", sa.Integer(), nullable=True),
        sa.Column("epoch", TEXT, nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("oldest", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("active_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_item")),
        sa.UniqueConstraint("id", name=op.f("uq_item_id")),
        postgresql_with={"fillfactor": 60},
    )
    op.create_table(
        "user",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("username", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("password_hash", TEXT, nullable=True),
        sa.Column("issuer", TEXT, nullable=True),
        sa.Column("subject", TEXT, nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("tokens_from", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_user")),
        sa.UniqueConstraint("id", name=op.f("uq_user_id")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_user_issuer_subject")),
        sa.UniqueConstraint("username", name=op.f("uq_user_username")),
    )
    op.create_table(
        "api_token",
        sa.Column("jti", TEXT, nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("items", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_key"], ["user.key"], name=op.f("fk_api_token_user_key_user")
        ),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_api_token")),
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_token_user_key"), ["user_key"], unique=False)

    op.create_table(
        "entry",
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("author_key", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ref", TEXT, nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("target", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("edited_seq", sa.BigInteger(), nullable=True),
        sa.Column("deleted_seq", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_key"], ["user.key"], name=op.f("fk_entry_author_key_user")
        ),
        sa.ForeignKeyConstraint(["item_key"], ["item.key"], name=op.f("fk_entry_item_key_item")),
        sa.PrimaryKeyConstraint("item_key", "seq", name=op.f("pk_entry")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.create_index(
            "ix_entry_item_key_target",
            ["item_key", "target"],
            unique=False,
            sqlite_where=sa.text("target > 0"),
            postgresql_where=sa.text("target > 0"),
        )
        batch_op.create_index(
            "uq_entry_item_key_author_key_ref",
            ["item_key", "author_key", "ref"],
            unique=True,
            sqlite_where=sa.text("ref IS NOT NULL"),
            postgresql_where=sa.text("ref IS NOT NULL"),
        )

    op.create_table(
        "membership",
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("role", TEXT, nullable=True),
        sa.Column("read_seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "role IN ('reader', 'writer', 'admin')", name=op.f("ck_membership_role")
        ),
        sa.ForeignKeyConstraint(
            ["item_key"], ["item.key"], name=op.f("fk_membership_item_key_item")
        ),
        sa.ForeignKeyConstraint(
            ["user_key"], ["user.key"], name=op.f("fk_membership_user_key_user")
        ),
        sa.PrimaryKeyConstraint("item_key", "user_key", name=op.f("pk_membership")),
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_membership_user_key"), ["user_key"], unique=False)

    op.create_table(
        "reaction",
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["item_key"], ["item.key"], name=op.f("fk_reaction_item_key_item")),
        sa.ForeignKeyConstraint(["user_key"], ["user.key"], name=op.f("fk_reaction_user_key_user")),
        sa.PrimaryKeyConstraint(
            "item_key", "target", "value", "user_key", name=op.f("pk_reaction")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "session",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("secret_hash", TEXT, nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("user_agent", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_key"], ["user.key"], name=op.f("fk_session_user_key_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_session_secret_hash")),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_session_user_key"), ["user_key"], unique=False)

    op.create_table(
        "ticket",
        sa.Column("jti", TEXT, nullable=False),
        sa.Column("user_key", sa.Integer(), nullable=False),
        sa.Column("item_key", sa.Integer(), nullable=False),
        sa.Column("credential_kind", TEXT, nullable=False),
        sa.Column("credential_id", TEXT, nullable=False),
        sa.Column("credential_issued_at", sa.BigInteger(), nullable=False),
        sa.Column("credential_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("cap", TEXT, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["item_key"], ["item.key"], name=op.f("fk_ticket_item_key_item")),
        sa.ForeignKeyConstraint(["user_key"], ["user.key"], name=op.f("fk_ticket_user_key_user")),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_ticket")),
    )
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ticket_expires_at"), ["expires_at"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ticket_expires_at"))

    op.drop_table("ticket")
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_session_user_key"))

    op.drop_table("session")
    op.drop_table("reaction")
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_membership_user_key"))

    op.drop_table("membership")
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_entry_item_key_author_key_ref", sqlite_where=sa.text("ref IS NOT NULL")
        )
        batch_op.drop_index("ix_entry_item_key_target", sqlite_where=sa.text("target > 0"))

    op.drop_table("entry")
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_token_user_key"))

    op.drop_table("api_token")
    op.drop_table("user")
    op.drop_table("item")
