"""Who is named by a message: `mentions` of its body, as rows that can be counted.

They are stored in the transaction that stores the body, and are always those of the body that
stands. Whoever does not exist, or wrote the message, is left out; who may not read the item has
rows that nobody asks for, until they may.
"""

from collections.abc import Iterable

import orjson
from sqlalchemy import BigInteger, Connection, Delete, Insert, Integer, cast, delete, insert, select
from sqlmodel import col

from ..models import Mention, User
from ..store.statements import statement

# Names in one message that count; a longer list is no mistake, but names nobody in particular.
MAX_MENTIONS = 50

NewMention = tuple[int, int, str, int]
"""item_key, seq, username, key of the message's author"""


def may_mention(body: bytes) -> bool:
    """Whether a body, as it is stored, can name anybody: nearly none does, and none is parsed."""
    return b'"mentions"' in body


def mentioned(body: bytes) -> list[str]:
    """The usernames that a body names, each once; what is no list of texts names nobody."""
    if not may_mention(body):
        return []
    fields = orjson.loads(body)
    names = fields.get("mentions") if isinstance(fields, dict) else None
    if not isinstance(names, list):
        return []
    named = dict.fromkeys(name for name in names if isinstance(name, str))
    return list(named)[:MAX_MENTIONS]


def new_mentions(
    item_key: int, seq: int, author_key: int, body: bytes | None
) -> Iterable[NewMention]:
    """What a message's body brings."""
    for name in mentioned(body or b""):
        yield item_key, seq, name, author_key


def store(connection: Connection, mentions: Iterable[NewMention]) -> None:
    """Store what messages bring. May block."""
    # One by one: a lone statement for all would need arrays, and most messages name one or two.
    for item_key, seq, name, author_key in mentions:
        _add.run(connection, item_key, seq, name, author_key)


def replace(connection: Connection, item_key: int, seq: int, author_key: int, body: bytes) -> None:
    """A message has another body. May block."""
    remove.run(connection, item_key, seq)
    store(connection, new_mentions(item_key, seq, author_key, body))


@statement
def _add(item_key: int, seq: int, username: str, author_key: int) -> Insert:
    # A value of which a database knows nothing else may be text to it.
    place = cast(item_key, Integer), cast(seq, BigInteger)
    named = select(*place, col(User.key)).where(
        col(User.username) == username, col(User.key) != author_key
    )
    columns = [col(Mention.item_key), col(Mention.seq), col(Mention.user_key)]
    return insert(Mention).from_select(columns, named)


@statement
def remove(item_key: int, seq: int) -> Delete:
    """A message names nobody any more."""
    return delete(Mention).where(col(Mention.item_key) == item_key, col(Mention.seq) == seq)
