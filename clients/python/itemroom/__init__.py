"""Talks to Itemroom: live, durable rooms that survive lost connections."""

from typing import TYPE_CHECKING

from itemroom.core.bodies import text_of
from itemroom.core.entries import (
    Deletion,
    Edit,
    Entry,
    Finish,
    Gap,
    ItemChange,
    MemberChange,
    Message,
    Reaction,
    Stop,
)
from itemroom.core.errors import Refused
from itemroom.core.frames import InboxItem, Role, User
from itemroom.core.presence import Presence
from itemroom.inbox import Inbox
from itemroom.keeper import Change
from itemroom.room import Room
from itemroom.session import Session
from itemroom.streaming import Stream

if TYPE_CHECKING:
    from itemroom.rest import Client
else:

    def __getattr__(name: str) -> object:
        """`Client`, when it is asked for: who only has rooms needs no library for REST."""
        if name == "Client":
            from itemroom.rest import Client  # noqa: PLC0415

            return Client
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Change",
    "Client",
    "Deletion",
    "Edit",
    "Entry",
    "Finish",
    "Gap",
    "Inbox",
    "InboxItem",
    "ItemChange",
    "MemberChange",
    "Message",
    "Presence",
    "Reaction",
    "Refused",
    "Role",
    "Room",
    "Session",
    "Stop",
    "Stream",
    "User",
    "text_of",
]
