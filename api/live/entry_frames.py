"""The frames of entries: described here, made by the log itself (`Entry.fields`).

A page, an export and a frame have the same bytes of an entry: that is why the log makes them, and
tests hold what it makes against these classes. Pure.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from .frames import RoleName, Seq, Time, User


class _Entry(TypedDict):
    seq: Seq
    at: Time
    by: User
    ref: NotRequired[str]
    via: NotRequired[str]


class Message(_Entry):
    """A message, as it stands now."""

    type: Literal["message"]
    body: NotRequired[Any]
    edited_seq: NotRequired[Seq]
    deleted_seq: NotRequired[Seq]
    open: NotRequired[Literal[True]]
    length: NotRequired[int]


class Edit(_Entry):
    """A message has another body."""

    type: Literal["edit"]
    target: Seq
    body: NotRequired[Any]
    deleted_seq: NotRequired[Seq]


class Delete(_Entry):
    """A message is gone."""

    type: Literal["delete"]
    target: Seq


class Reaction(_Entry):
    """A reaction was put on a message, or taken back."""

    type: Literal["reaction"]
    target: Seq
    value: str
    on: bool


class Member(_Entry):
    """A user's role in the item; null: removed."""

    type: Literal["member"]
    user: User
    role: RoleName | None


class Item(_Entry):
    """The item itself was changed."""

    type: Literal["item"]
    title: NotRequired[str]
    default_role: NotRequired[RoleName | None]


class Stop(_Entry):
    """Somebody wants a message in the making to end."""

    type: Literal["stop"]
    target: Seq


class Finish(_Entry):
    """A message in the making is complete, or will not be; with its body for who lacks any."""

    type: Literal["finish"]
    target: Seq
    state: Literal["done", "failed", "stopped", "interrupted"]
    error: NotRequired[dict[str, Any]]
    body: NotRequired[Any]


EntryFrame = Message | Edit | Delete | Reaction | Member | Item | Stop | Finish
