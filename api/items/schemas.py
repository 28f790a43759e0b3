"""What the calls about items and members take and give."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from ..history.words import MAX_SEQ, whole
from ..letters import VISIBLE_LINE, check_visible
from ..rights.access import Role
from .ids import ITEM_ID_PATTERN, new_item_id

MAX_RETENTION_DAYS = 36_500  # A century: longer is the same as for ever, which is null.

# The pattern is for programs: pydantic's own refusal would show it to people.
ItemIdText = Annotated[
    str,
    Field(examples=["order-17"], json_schema_extra={"pattern": ITEM_ID_PATTERN}),
    AfterValidator(new_item_id),
]
Title = Annotated[
    str,
    Field(max_length=200, examples=["Order 17"], json_schema_extra=VISIBLE_LINE),
    AfterValidator(check_visible),
]
# Not admin: whoever could sign in could then throw everybody out.
DefaultRole = Annotated[
    Literal[Role.READER, Role.WRITER],
    Field(description="Every signed-in user may do at least this much; null: only members."),
]
RetentionDays = Annotated[
    StrictInt,
    Field(ge=1, le=MAX_RETENTION_DAYS, description="Older entries are deleted; null: never."),
    BeforeValidator(whole),
]


class Input(BaseModel):
    """What a client sends. A field that nobody knows is a mistake: better told than ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewItem(Input):
    """An item to be made."""

    id: ItemIdText | None = Field(None, description="Your product's own id; without, one is made.")
    title: Title = ""
    default_role: DefaultRole | None = None


class ItemChange(Input):
    """What is to change; what is left out stays."""

    title: Title | SkipJsonSchema[None] = None
    default_role: DefaultRole | None = None
    retention_days: RetentionDays | None = None

    @model_validator(mode="after")
    def _check_title(self) -> Self:
        if "title" in self.model_fields_set and self.title is None:
            raise ValueError("a title may be empty, but not null")
        return self


class NewRole(Input):
    """The role that a member is to have."""

    role: Role


class ReadPosition(Input):
    """How far the caller has read."""

    seq: Annotated[StrictInt, Field(ge=0, le=MAX_SEQ, examples=[1202]), BeforeValidator(whole)]


class UserView(BaseModel):
    """A user as others see them."""

    id: str
    name: str = Field(examples=["Ada"])


class ItemView(BaseModel):
    """An item as the caller sees it."""

    id: str = Field(examples=["order-17"])
    title: str = Field(examples=["Order 17"])
    role: Role = Field(description="What the caller may do with the credential that was shown.")
    default_role: Role | None
    retention_days: int | None
    epoch: str = Field(description="Identifies one life of the log.")
    head: int = Field(description="The newest seq; 0: nothing has happened yet.", examples=[1234])
    oldest: int = Field(description="The oldest seq still kept.", examples=[1])
    read_seq: int = Field(description="How far the caller has read.", examples=[1202])
    unread: int = Field(
        description="Messages of others after `read_seq`, among the newest 1000 entries.",
        examples=[3],
    )
    created_at: str = Field(examples=["2026-01-31T23:59:59.123Z"])
    active_at: str = Field(examples=["2026-01-31T23:59:59.123Z"])


class ItemPage(BaseModel):
    """Some of the caller's items, newest activity first."""

    items: list[ItemView]
    next: str | None = Field(description="Ask again with `after` set to this; null: the end.")


class MemberView(BaseModel):
    """A member of an item."""

    user: UserView
    username: str = Field(examples=["ada"])
    role: Role


class MemberPage(BaseModel):
    """Some of an item's members, by username."""

    members: list[MemberView]
    next: str | None = Field(description="Ask again with `after` set to this; null: the end.")


class PresenceView(BaseModel):
    """Who is connected to an item's room."""

    count: int = Field(description="Users, not connections.", examples=[3])
    users: list[UserView] | None = Field(None, description="Not there when they are too many.")
