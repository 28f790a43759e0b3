"""An entry of the log, and its JSON: the same bytes in a frame, a page and an export.

Pure: no framework, no database.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from .drafts import length_of


class Kind(StrEnum):
    """What an entry is; also the `type` of its frame."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETE = "delete"
    REACTION = "reaction"
    MEMBER = "member"
    ITEM = "item"
    STOP = "stop"
    FINISH = "finish"


# The body of these is the `body` of their frame; that of the others is fields of the frame.
_WITH_BODY = frozenset({Kind.MESSAGE, Kind.EDIT})


@dataclass(frozen=True, slots=True)
class Author:
    """Who made an entry. `key` is ours, `id` and `name` are what others see."""

    key: int
    id: str
    name: str


@dataclass(slots=True)
class Entry:
    """One thing that happened in an item. Nothing changes it; `forms` only remembers encodings."""

    item_key: int
    seq: int
    kind: Kind
    author: Author
    at: int
    """Milliseconds since the epoch."""
    ref: str | None = None
    target: int | None = None
    body: bytes | None = None
    """JSON: the value of `body`, or an object of the kind's own fields."""
    edited_seq: int | None = None
    deleted_seq: int | None = None
    via: str | None = None
    """The key that acted for the author."""
    lengths: dict[int, int] | None = None
    """Of a message in the making: the code points of each part of `body`, which may grow."""
    is_told: bool = False
    """Of the end of such: those who are told have its text already."""
    forms: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """Per subprotocol, the frame that every receiver shares: encoded once, by whoever is first."""

    def is_same(self, other: "Entry") -> bool:
        """Whether both are one entry, whatever has been changed of it meanwhile."""
        return (self.seq, self.kind, self.author.key, self.at, self.ref) == (
            other.seq,
            other.kind,
            other.author.key,
            other.at,
            other.ref,
        )

    def fields(self) -> dict[str, Any]:
        """The entry as its frame has it; ready for orjson (`body` is spliced in as it is)."""
        shown: dict[str, Any] = {
            "type": self.kind,
            "seq": self.seq,
            "at": rfc3339(self.at),
            "by": {"id": self.author.id, "name": self.author.name},
        }
        if self.via is not None:
            shown["via"] = self.via
        if self.ref is not None:
            shown["ref"] = self.ref
        if self.target is not None:
            shown["target"] = self.target
        if self.lengths is not None:
            shown |= {"open": True, "length": length_of(self.lengths)}
        if self.edited_seq is not None:
            shown["edited_seq"] = self.edited_seq
        if self.deleted_seq is not None:
            shown["deleted_seq"] = self.deleted_seq
        if self.body is not None:
            if self.kind in _WITH_BODY:
                shown["body"] = orjson.Fragment(self.body)
            else:
                shown |= orjson.loads(self.body)
        if self.is_told:
            del shown["body"]
        return shown

    @property
    def whole(self) -> bytes:
        """Of the end of a message in the making: that message's body."""
        fields = orjson.loads(self.body or b"{}")
        return orjson.dumps(fields.get("body"))

    def json(self) -> bytes:
        """One JSON object, UTF-8."""
        return orjson.dumps(self.fields())


_FIRST = -62_135_596_800_000  # 0001-01-01T00:00:00.000Z
_LAST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z


@lru_cache(maxsize=1024)  # All entries of a batch have one moment, and formatting it costs 4 µs.
def rfc3339(at: int) -> str:
    """Milliseconds since the epoch as `2026-01-31T23:59:59.123Z`.

    A clock or a setting may be far off: what RFC 3339's four digits cannot say is its first or
    last moment.
    """
    at = min(max(at, _FIRST), _LAST)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def digest(kind: Kind, target: int | None, body: bytes | None) -> bytes:
    """Tells a retry of a command from another command under the same ref; 16 bytes."""
    return blake2b(
        b"%b %d " % (kind.encode(), target or 0) + (body or b""), digest_size=16
    ).digest()
