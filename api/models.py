"""Every table. Imports nothing from `api`; a row is never sent to a client as it is.

Table models do not validate their values (SQLModel leaves that to its non-table models), so
nothing from outside reaches one without going through a schema first. Times are milliseconds
since the Unix epoch: integers compare and index well, and SQLite has no time type.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlmodel import Field, SQLModel

# Constraints need names before the first migration: batch mode cannot drop a nameless one.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


# In a table's `info`: the one database that has it. SQLite is the one that lays tables out by their
# keys, PostgreSQL the one that several servers share.
ONLY = "only"


class Table(SQLModel):
    """The base of all tables: one metadata with one naming convention."""

    metadata = MetaData(naming_convention=NAMES)


def _user(*, primary_key: bool = False, index: bool | None = None) -> Column[int]:
    key = ForeignKey("user.key")
    return Column(Integer, key, primary_key=primary_key, nullable=False, index=index)


def _version() -> Column[int]:
    """A number that moves with what it stands for: who knows it tells whether that has changed."""
    return Column(BigInteger, nullable=False, server_default="0")


def _item(*, primary_key: bool = False, index: bool | None = None) -> Column[int]:
    key = ForeignKey("item.key")
    return Column(Integer, key, primary_key=primary_key, nullable=False, index=index)


class User(Table, table=True):
    """Somebody who can sign in, here or at the outside issuer."""

    __tablename__ = "user"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    key: int = Field(default=None, primary_key=True)
    """Given by the database, when the row is stored."""
    id: str = Field(sa_column=Column(String, nullable=False, unique=True))
    username: str = Field(sa_column=Column(String, nullable=False, unique=True))
    """What members are addressed by. Outside users have a colon in it, local ones never."""
    name: str
    password_hash: str | None = None
    issuer: str | None = None
    subject: str | None = None
    disabled: bool = False
    admin: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    """Whether they may see how the server does. It gives no role in any item."""
    tokens_from: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Access tokens issued before this moment do not count (password changed, user disabled)."""
    rights: int = Field(default=0, sa_column=_version())
    """Moves with whatever ends a credential of theirs, or changes what they are called."""
    disconnects: int = Field(default=0, sa_column=_version())
    """How often all their sockets have been closed on purpose."""
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class Session(Table, table=True):
    """One browser that is signed in. `id` is public; the cookie is stored only as a hash."""

    __tablename__ = "session"

    id: str = Field(primary_key=True)
    secret_hash: str = Field(sa_column=Column(String, nullable=False, unique=True))
    user_key: int = Field(sa_column=_user(index=True))
    user_agent: str | None = None
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    used_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class ApiToken(Table, table=True):
    """A long-lived token. Its row outlives a revocation until `expires_at`."""

    __tablename__ = "api_token"

    jti: str = Field(primary_key=True)
    user_key: int = Field(sa_column=_user(index=True))
    name: str
    items: str
    """The item patterns and roles it is limited to, as JSON."""
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    revoked_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class ServiceKey(Table, table=True):
    """A secret of a program of the product's, which acts as a user of its own.

    A key that was rotated has a row for each of its secrets; a row outlives its revocation, which
    its program is told of.
    """

    __tablename__ = "service_key"

    id: str = Field(primary_key=True)
    secret_hash: str = Field(sa_column=Column(String, nullable=False, unique=True))
    user_key: int = Field(sa_column=_user(index=True))
    name: str
    """The same for all rows of a user, and what people call the key."""
    items: str
    """The item patterns, and the roles that it has there, as JSON."""
    acts_for_others: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )
    """Whether it may act for any user, and not only as its own."""
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    revoked_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    replaced_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    """When the key got another secret, beside which this one counts until it ends."""


class Ticket(Table, table=True):
    """A single-use admission to one room, bound to the credential that asked for it."""

    __tablename__ = "ticket"

    jti: str = Field(primary_key=True)
    """The fingerprint of the ticket: its text is never stored."""
    user_key: int = Field(sa_column=_user())
    item_key: int = Field(sa_column=_item())
    credential_kind: str
    credential_id: str
    credential_issued_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    credential_expires_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    cap: str | None = None
    """The highest role that the credential allowed; null: no limit."""
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    used_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class Item(Table, table=True):
    """Anything in a product that has a room. A deleted row stays: its id never comes back."""

    __tablename__ = "item"
    # Room on each page, so that a head moves without a touch of any index.
    __table_args__ = ({"postgresql_with": {"fillfactor": 60}},)

    key: int = Field(default=None, primary_key=True)
    """Given by the database, when the row is stored."""
    id: str = Field(sa_column=Column(String, nullable=False, unique=True))
    title: str = ""
    default_role: str | None = None
    retention_days: int | None = None
    epoch: str
    head: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """The newest seq; the next entry takes the one after it, in the same transaction."""
    oldest: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))
    """The oldest seq still kept."""
    rights: int = Field(default=0, sa_column=_version())
    """Moves with every change of a member, of the default role, and with the deletion."""
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    active_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_at: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    """When it last became another one without an entry that says so: its log was cut short or
    begun anew, or all of it deleted."""
    deleted_at: int | None = Field(default=None, sa_column=Column(BigInteger))


class Membership(Table, table=True):
    """What a user may do in an item, and how far they have read."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint("role IN ('reader', 'writer', 'admin')", name="role"),
        Index("ix_membership_user_key_changed_at", "user_key", "changed_at"),
    )

    item_key: int = Field(sa_column=_item(primary_key=True))
    user_key: int = Field(sa_column=_user(primary_key=True))
    role: str | None = None
    """Null: not a member; the row only holds the read marker of someone let in by default_role."""
    read_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    changed_at: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    """When the row became what it is, for whoever asks what is new."""


class Departure(Table, table=True):
    """A membership that there was, for whoever was not told when it ended.

    It stays, as the row of a deleted item does, also when the user is a member once more.
    """

    __tablename__ = "departure"
    __table_args__ = (
        Index("ix_departure_user_key_at", "user_key", "at"),
        {"sqlite_with_rowid": False},
    )

    item_key: int = Field(sa_column=_item(primary_key=True))
    user_key: int = Field(sa_column=_user(primary_key=True))
    at: int = Field(sa_column=Column(BigInteger, nullable=False))


class Invite(Table, table=True):
    """A link that makes whoever shows it a member. Its text is stored only as a hash.

    The row outlives its end by a while, so that whoever comes too late is told why.
    """

    __tablename__ = "invite"
    __table_args__ = (CheckConstraint("role IN ('reader', 'writer', 'admin')", name="role"),)

    id: str = Field(primary_key=True)
    secret_hash: str = Field(sa_column=Column(String, nullable=False, unique=True))
    item_key: int = Field(sa_column=_item(index=True))
    user_key: int = Field(sa_column=_user())
    """Who made it, and by whose right it counts."""
    via: str | None = None
    """The name of the key that acted for them; null: they made it themselves."""
    granted: bool = False
    """Whether the product itself let them make it, whatever they are in the item."""
    role: str
    uses: int | None = None
    """How many may come in by it; null: any number."""
    used: int = 0
    """How many have."""
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    ended_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    """When it was revoked, or used for the last time."""


class LoggedRow(Table):
    """What is stored of an entry, in whichever table it is."""

    item_key: int
    seq: int = Field(sa_type=BigInteger)
    kind: str
    author_key: int
    at: int = Field(sa_type=BigInteger)
    ref: str | None = None
    digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Of what came first under `ref`: tells a retry from a conflict after the body has changed."""
    target: int | None = Field(default=None, sa_type=BigInteger)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    """JSON, exactly as it will be sent; null when deleted or when the kind has none."""
    edited_seq: int | None = Field(default=None, sa_type=BigInteger)
    deleted_seq: int | None = Field(default=None, sa_type=BigInteger)
    via: str | None = None
    """The name of the key that acted for the author; null: the author did it."""


class EntryRow(LoggedRow, table=True):
    """One thing that happened in an item.

    Clustered by (item_key, seq), so that a page of the log is one range of the file however long
    the log is.
    """

    __tablename__ = "entry"
    __table_args__ = (
        # One seq for a (item, author, ref), for as long as the entry lives: a retry finds it.
        Index(
            "uq_entry_item_key_author_key_ref",
            "item_key",
            "author_key",
            "ref",
            unique=True,
            sqlite_where=text("ref IS NOT NULL"),
            postgresql_where=text("ref IS NOT NULL"),
        ),
        Index(
            "ix_entry_item_key_target",
            "item_key",
            "target",
            # What a comparison with any value implies, so that SQLite may always use it.
            sqlite_where=text("target IS NOT NULL"),
            postgresql_where=text("target IS NOT NULL"),
        ),
        # Where others store as well: what is new, wherever it is. Of a few pages for a million
        # entries, since they come in the order of their time.
        Index(
            "ix_entry_at",
            "at",
            postgresql_using="brin",
            postgresql_with={"autosummarize": "on"},
            info={ONLY: "postgresql"},
        ),
        {"sqlite_with_rowid": False},
    )

    item_key: int = Field(sa_column=_item(primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True))
    author_key: int = Field(sa_column=_user())


class PileRow(LoggedRow, table=True):
    """An entry that came a moment ago, and is not in its place yet; in the order of coming.

    Only a database that clusters a table by its key has this one: elsewhere all places are alike.

    It refers to nothing: that is checked when the entry gets to its place.
    """

    __tablename__ = "pile"
    __table_args__ = (
        UniqueConstraint("item_key", "seq"),
        Index(
            "uq_pile_item_key_author_key_ref",
            "item_key",
            "author_key",
            "ref",
            unique=True,
            sqlite_where=text("ref IS NOT NULL"),
        ),
        {"info": {ONLY: "sqlite"}},
    )

    key: int = Field(default=None, primary_key=True)
    """Given by the database, when the row is stored."""


class Reaction(Table, table=True):
    """A reaction that stands now; what happened and when is in the log."""

    __tablename__ = "reaction"
    __table_args__ = ({"sqlite_with_rowid": False},)

    item_key: int = Field(sa_column=_item(primary_key=True))
    target: int = Field(sa_column=Column(BigInteger, primary_key=True))
    value: str = Field(sa_column=Column(String, primary_key=True))
    user_key: int = Field(sa_column=_user(primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Of the entry that set it."""


class Mention(Table, table=True):
    """Somebody whom a message names, as its body is now; none of a message that was deleted."""

    __tablename__ = "mention"
    __table_args__ = (
        Index("ix_mention_user_key_item_key_seq", "user_key", "item_key", "seq"),
        {"sqlite_with_rowid": False},
    )

    item_key: int = Field(sa_column=_item(primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True))
    user_key: int = Field(sa_column=_user(primary_key=True))


class Stream(Table, table=True):
    """A message in the making: its row in the log has the body that it was begun with."""

    __tablename__ = "stream"
    __table_args__ = ({"sqlite_with_rowid": False},)

    item_key: int = Field(sa_column=_item(primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True))
    author_key: int = Field(sa_column=_user())
    lengths: str
    """By part, as JSON: pairs of the part's number and its code points."""
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Bytes that were added."""
    touched_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    """When its author was last seen to be at it; an index would be written with every token."""
    stop_seq: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Of the entry by which somebody wants it to end."""
    tail_part: int | None = None
    """Which of its texts has an end that is in no piece yet, as `history/tail.py` says."""
    tail_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Where that begins, in code points."""
    tail: bytes | None = Field(default=None, sa_type=LargeBinary)
    """UTF-8; null: there is none."""


class StreamPiece(Table, table=True):
    """Text that was added to a message in the making; gone when it is finished."""

    __tablename__ = "stream_piece"
    __table_args__ = ({"sqlite_with_rowid": False},)

    item_key: int = Field(sa_column=_item(primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True))
    part: int = Field(primary_key=True)
    at: int = Field(sa_column=Column(BigInteger, primary_key=True))
    """Where it begins, in code points."""
    text: bytes = Field(sa_type=LargeBinary)
    """UTF-8: a text may hold what a database's own kind of text may not."""


class Webhook(Table, table=True):
    """A program of the product's that is told what is stored in items."""

    __tablename__ = "webhook"

    key: int = Field(default=None, primary_key=True)
    """Given by the database, when the row is stored."""
    id: str = Field(sa_column=Column(String, nullable=False, unique=True))
    user_key: int | None = Field(
        default=None, sa_column=Column(Integer, ForeignKey("user.key"), index=True)
    )
    """Of the service key that made it, and bounds it; null: an operator did."""
    url: str
    secret: str
    """Signs what is sent; as it is, since a signature needs it."""
    items: str
    """An item's id, or its beginning and a final `*`."""
    kinds: str | None = None
    """Those of the entries, as JSON; null: all."""
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    paused: str | None = None
    """Why nothing is sent; null: it is."""
    paused_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    failed_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Of the last failure, as the next two."""
    failed_item: str | None = None
    failure: str | None = None
    server: str | None = None
    """The boot of the server that delivers, where several share the database."""
    leased_until: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    """Until when it does, by the clock of the database, unless it says so again."""


class WebhookCursor(Table, table=True):
    """How far a webhook has been told an item's log; without a row: not at all."""

    __tablename__ = "webhook_cursor"
    __table_args__ = (
        Index("ix_webhook_cursor_webhook_key_next_at", "webhook_key", "next_at"),
        {"sqlite_with_rowid": False},
    )

    item_key: int = Field(sa_column=_item(primary_key=True))
    webhook_key: int = Field(
        sa_column=Column(Integer, ForeignKey("webhook.key"), primary_key=True, nullable=False)
    )
    epoch: str
    """Of the log whose seqs these are."""
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    """The last entry that it was told, or that was passed over."""
    upto: int | None = Field(default=None, sa_column=Column(BigInteger))
    """The last entry of the batch that is being sent: set before, so that it stays this batch."""
    attempts: int = 0
    """Of this batch, all in vain."""
    next_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    """Not sent again before; null: as soon as may be."""


class Node(Table, table=True):
    """A server that runs on this database, for as long as its beat goes on.

    Only a database that several servers share has this table, and `Presence`.
    """

    __tablename__ = "node"
    __table_args__ = ({"info": {ONLY: "postgresql"}},)

    boot: str = Field(primary_key=True)
    """Of this run of the server: a server that starts again is another one."""
    name: str
    """What people call it."""
    version: str
    scope: str
    """What only servers with the same secret have in common."""
    started_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    beat_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    """When it last said that it lives, by the clock of the database."""
    draining: bool


class Presence(Table, table=True):
    """How many connections a user has in an item's room at one server.

    Refers to nothing: rows are written often, and are no record of anything. So they are not
    logged either, and gone after a crash.
    """

    __tablename__ = "presence"
    __table_args__ = ({"info": {ONLY: "postgresql"}, "prefixes": ["UNLOGGED"]},)

    item_key: int = Field(primary_key=True)
    boot: str = Field(primary_key=True)
    user_key: int = Field(primary_key=True, index=True)
    connections: int
    sockets: int | None = None
    """Those of the connections that are sockets of this item alone; null: all."""
