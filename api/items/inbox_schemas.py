"""What the calls about the inbox give."""

from typing import Literal

from pydantic import BaseModel, Field

from ..rights.access import Role
from .schemas import UserView


class InboxItem(BaseModel):
    """What an item is called."""

    id: str = Field(examples=["order-17"])
    title: str = Field(examples=["Order 17"])


class LastMessage(BaseModel):
    """The newest message of an item."""

    seq: int = Field(examples=[1234])
    by: UserView
    at: str = Field(examples=["2026-01-31T23:59:59.123Z"])
    kind: Literal["message"]
    preview: str = Field(description="The first 120 characters of its text.", examples=["Hello"])


class InboxView(BaseModel):
    """An item, and what is new in it."""

    item: InboxItem
    role: Role = Field(description="What the caller may do with the credential that was shown.")
    head: int = Field(description="The newest seq; 0: nothing has happened yet.", examples=[1234])
    read_seq: int = Field(description="How far the caller has read.", examples=[1202])
    unread: int = Field(
        description="Messages of others after `read_seq`, among the newest 1000 entries.",
        examples=[3],
    )
    mentions: int = Field(
        description="Messages of others after `read_seq` that name the caller; at most 1000.",
        examples=[1],
    )
    last: LastMessage | None = Field(
        description="The newest message that was not deleted, among the newest 1000 entries."
    )
    active_at: str = Field(examples=["2026-01-31T23:59:59.123Z"])


class InboxPage(BaseModel):
    """Some of the caller's items, newest activity first."""

    items: list[InboxView]
    next: str | None = Field(description="Ask again with `after` set to this; null: the end.")
    at: str = Field(
        description="What to give `watch` as `since`, of the first page.",
        examples=["2026-01-31T23:59:59.123Z"],
    )
