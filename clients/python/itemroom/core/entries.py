"""Entries and other things that a room tells of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypedDict

Fields = Mapping[str, Any]
ENTRY_TYPES = frozenset({"message", "edit", "delete", "reaction", "member", "item"})


class User(TypedDict):
    """Somebody, as others see them."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened in an item. What an entry of its type does not have is None.

    A message that was deleted since has no `body`, and its `deleted_seq` says so.
    """

    type: str
    seq: int
    at: str
    by: User
    ref: str | None = None
    body: Any = None
    target: int | None = None
    value: str | None = None
    on: bool | None = None
    user: User | None = None
    role: str | None = None
    title: str | None = None
    default_role: str | None = None
    edited_seq: int | None = None
    deleted_seq: int | None = None
    frame: Fields = field(default_factory=dict, repr=False, compare=False)
    """As it came, with what later versions of the server may add."""

    @classmethod
    def of(cls, frame: Fields) -> "Entry":
        """The entry that a frame, or an entry of `GET …/log`, holds."""
        known = {name: frame[name] for name in _NAMES if name in frame}
        return cls(**known, frame=frame)


_NAMES = tuple(name for name in Entry.__dataclass_fields__ if name != "frame")


class Gap(NamedTuple):
    """The log does not go on where the client was: what it has is void, replay begins anew."""

    after: int
    """Replay begins with the entry after this seq."""
    oldest: int
    """The oldest entry that is still kept."""
    epoch: str


class Event(NamedTuple):
    """Something to tell the application of."""

    type: str
    detail: Any
