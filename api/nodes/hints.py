"""Hints: what a node tells the others after a commit, and their bytes.

A hint may be lost, late, doubled, or before another: whoever hears one knows that there is
something, and the database says what. So a newer version may send what an older one does not
know, which ignores it.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from ..history.entries import Author, Entry, Kind

VERSION = 1
# Bytes of bodies that go along: what is larger is read by those who have the item open.
MAX_BODIES = 4096
# What an entry's other fields may take, so that many small ones are no large hint.
FIELDS_BYTES = 128

EVERYBODY = 0
"""The topic of what is of no item: keys of items begin at 1."""


@dataclass(frozen=True, slots=True)
class EntriesStored:
    """Entries of an item were stored, from `first` to `last`, without a hole."""

    item_key: int
    first: int
    last: int
    entries: tuple[Entry, ...] = ()
    """All of them; or none, when they are too large."""


@dataclass(frozen=True, slots=True)
class TextGrown:
    """A message in the making has more text: read it."""

    item_key: int


@dataclass(frozen=True, slots=True)
class RightsChanged:
    """Rights in an item, or of a user wherever they are, are not what they were: read them again.

    Also when the item was deleted, or the user renamed.
    """

    item_key: int = EVERYBODY
    user_key: int | None = None
    """None: everybody's."""


@dataclass(frozen=True, slots=True)
class MarkerMoved:
    """A user has read an item up to `seq`."""

    item_key: int
    reader: Author
    seq: int


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """Who is in an item has changed: read it again."""

    item_key: int


@dataclass(frozen=True, slots=True)
class Signalled:
    """Somebody has told all who are in an item something that is stored nowhere."""

    item_key: int
    author: Author
    name: str
    body: bytes
    """JSON."""


@dataclass(frozen=True, slots=True)
class LoginTried:
    """Somebody has tried to sign in: whoever guesses is slowed down by all servers at once."""

    network: str
    account: str
    succeeded: bool
    item_key: int = EVERYBODY


@dataclass(frozen=True, slots=True)
class Beat:
    """A node hears itself, so it hears the others."""

    number: int
    item_key: int = EVERYBODY


Hint = (
    EntriesStored
    | TextGrown
    | RightsChanged
    | MarkerMoved
    | PresenceChanged
    | Signalled
    | LoginTried
    | Beat
)


@dataclass(frozen=True, slots=True)
class Told:
    """A hint, and the boot of the node that told it."""

    boot: str
    hint: Hint


def encode(hint: Hint, boot: str, *, bodies: bool) -> bytes:
    """A hint's bytes: JSON, so that it may be text for whoever carries it.

    Args:
        hint: what to tell.
        boot: of the node that tells it.
        bodies: whether small entries go along.
    """
    return orjson.dumps([VERSION, boot, *_fields(hint, bodies=bodies)])


def decode(data: bytes) -> Told | None:
    """The hint in some bytes; None: it is of another version, or nothing that is known here."""
    try:
        version, boot, kind, *fields = orjson.loads(data)
        if version != VERSION:
            return None
        return Told(boot, _READ[kind](*fields))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _fields(hint: Hint, *, bodies: bool) -> tuple[object, ...]:
    match hint:
        case EntriesStored(item_key, first, last, entries):
            packed = list(map(_packed, entries)) if bodies and is_small(entries) else []
            return "entries", item_key, first, last, packed
        case TextGrown(item_key):
            return "text", item_key
        case RightsChanged(item_key, user_key):
            return "rights", item_key, user_key
        case MarkerMoved(item_key, reader, seq):
            return "read", item_key, *_who(reader), seq
        case PresenceChanged(item_key):
            return "presence", item_key
        case Signalled(item_key, author, name, body):
            return "signal", item_key, *_who(author), name, body.decode()
        case LoginTried(network, account, succeeded):
            return "login", network, account, succeeded
        case _:
            return "beat", hint.number


def is_small(entries: tuple[Entry, ...]) -> bool:
    """Whether entries may go along with their hint: not those whose texts stand elsewhere."""
    if any(entry.lengths is not None or entry.kind is Kind.FINISH for entry in entries):
        return False
    return sum(FIELDS_BYTES + len(entry.body or b"") for entry in entries) <= MAX_BODIES


def _who(author: Author) -> tuple[int, str, str]:
    return author.key, author.id, author.name


def _packed(entry: Entry) -> tuple[object, ...]:
    # The body as a string in a string: to be shown as it was stored, to the byte.
    body = None if entry.body is None else entry.body.decode()
    packed = entry.seq, entry.kind, *_who(entry.author), entry.at, entry.ref, entry.target, body
    # At the end, and seldom: servers of before pass over a hint with it, and read the entries.
    return packed if entry.via is None else (*packed, entry.via)


def _unpacked(item_key: int, seq: int, kind: str, *more: Any) -> Entry:
    *who, at, ref, target, body = more[:7]
    (via,) = more[7:] or (None,)
    return Entry(
        item_key,
        seq,
        Kind(kind),
        Author(*who),
        at,
        ref=ref,
        target=target,
        body=None if body is None else body.encode(),
        via=via,
    )


def _read_entries(item_key: int, first: int, last: int, packed: list[Any]) -> EntriesStored:
    entries = tuple(_unpacked(item_key, *one) for one in packed)
    if entries and [entry.seq for entry in entries] != list(range(first, last + 1)):
        raise ValueError("not the entries of which it tells")
    return EntriesStored(item_key, first, last, entries)


def _read_marker(item_key: int, *told: Any) -> MarkerMoved:
    *who, seq = told
    return MarkerMoved(item_key, Author(*who), seq)


def _read_signal(item_key: int, *told: Any) -> Signalled:
    *who, name, body = told
    return Signalled(item_key, Author(*who), name, body.encode())


_READ: dict[str, Any] = {
    "entries": _read_entries,
    "text": TextGrown,
    "rights": RightsChanged,
    "read": _read_marker,
    "presence": PresenceChanged,
    "signal": _read_signal,
    "login": LoginTried,
    "beat": Beat,
}
