"""Messages that are sent if, and only if, a transaction of your own commits.

The transactional outbox: `publish` writes a row beside your own, in your transaction, and a `Relay`
sends what has committed. Needs SQLAlchemy 2, and works on any database that SQLAlchemy has.
"""

import json
import time
from secrets import token_hex
from typing import Any, Protocol

from sqlalchemy import BigInteger, Connection, Index, Integer, String, Text, insert, update
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from itemroom.core.acting import MAX_LENGTH, check_acting
from itemroom.core.bodies import fault_in
from itemroom.core.paths import item_segment

MAX_ITEM_LENGTH = 128
# As of a server's `ref`.
MAX_REF_LENGTH = 64


class Base(DeclarativeBase):
    """Of the one table, which is in none of your own metadata."""


class Outgoing(Base):
    """A message that waits, or has been sent."""

    __tablename__ = "itemroom_outbox"

    # SQLite counts in a column of exactly this type.
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    """In the order of `publish`, also between transactions of which one saw the other's commit."""
    item: Mapped[str] = mapped_column(String(MAX_ITEM_LENGTH))
    acting: Mapped[str | None] = mapped_column(String(MAX_LENGTH))
    """The author's username, for whom the relay's key acts; null: as the relay's token."""
    ref: Mapped[str] = mapped_column(String(MAX_REF_LENGTH))
    """By which the server knows it again, however often it is sent."""
    body: Mapped[str] = mapped_column(Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb"))
    """JSON."""
    created_at: Mapped[int] = mapped_column(BigInteger)
    """Milliseconds since the epoch, as of `ended_at`."""
    ended_at: Mapped[int | None] = mapped_column(BigInteger)
    """When it was stored or refused for good; null: it waits."""
    seq: Mapped[int | None] = mapped_column(BigInteger)
    """Under which it is stored; null: not yet, or never."""
    refused: Mapped[str | None] = mapped_column(String(64))
    """The code with which it was refused for good."""

    __table_args__ = (Index("ix_itemroom_outbox_waiting", "ended_at", "id"),)


metadata = Base.metadata
"""For `create_all`, or for your migrations: Alembic's `target_metadata` takes a list."""


class Session(Protocol):
    """SQLAlchemy's `Session` or `AsyncSession`."""

    def add(self, instance: object) -> None:
        """To be stored with the transaction."""


def publish(
    session: Session | Connection, item: str, body: object, *, as_: str | None = None
) -> str:
    """Have a message published when the transaction has committed; its `ref`.

    Args:
        session: of yours: a `Session` or an `AsyncSession`, or a `Connection`. (With an
            `AsyncConnection`: `await connection.run_sync(publish, item, body)`.)
        item: the item's id.
        body: any JSON value.
        as_: its author, for whom the relay's service key acts: a username, or `ext:` and a `sub`;
            None: whoever the relay's token is of.

    Raises:
        Refused: no item can have this id.
        TypeError: the body is no JSON; ValueError: neither, as it holds NaN or itself, or it is
            JSON that no server takes, or nobody can have this username.
    """
    item_segment(item)
    text = json.dumps(body, allow_nan=False)
    read_body(text)
    values: dict[str, Any] = {
        "item": item,
        "acting": None if as_ is None else check_acting(as_),
        "ref": f"outbox-{token_hex(16)}",
        "body": text,
        "created_at": time.time_ns() // 1_000_000,
    }
    if isinstance(session, Connection):
        session.execute(insert(Outgoing).values(values))
    else:
        session.add(Outgoing(**values))
    return str(values["ref"])


def read_body(text: str) -> Any:
    """A body as it is kept.

    Raises:
        ValueError: no server takes it, which is better said in the transaction than later.
    """
    try:
        body = json.loads(text)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error
    if fault := fault_in(body):
        raise ValueError(fault)
    return body


def retry(connection: Connection) -> int:
    """Have all messages sent again that were refused for good; how many. Commit it yourself."""
    refused = update(Outgoing).where(Outgoing.refused.is_not(None))
    return connection.execute(refused.values(ended_at=None, refused=None)).rowcount
