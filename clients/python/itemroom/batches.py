"""Commands of a batch, and what comes of them."""

from typing import Any, Literal, NotRequired, TypedDict

from itemroom.core.frames import Role

# `as` is no name in Python: whom a service key acts for.
_OfItem = TypedDict("_OfItem", {"item": str, "as": NotRequired[str]})


class _Said(_OfItem):
    ref: NotRequired[str]


class _About(_Said):
    target: int


class PublishCommand(_Said):
    """A new message."""

    do: Literal["publish"]
    body: Any


class EditCommand(_About):
    """Another body for a message."""

    do: Literal["edit"]
    body: Any


class DeleteCommand(_About):
    """The end of a message."""

    do: Literal["delete"]


class ReactCommand(_About):
    """A reaction, put on or taken back."""

    do: Literal["react"]
    value: str
    on: NotRequired[bool]


class CreateItemCommand(_OfItem):
    """A new item."""

    do: Literal["create_item"]
    title: NotRequired[str]
    default_role: NotRequired[Literal["reader", "writer"] | None]


class PutMemberCommand(_OfItem):
    """A new member, or another role for one."""

    do: Literal["put_member"]
    username: str
    role: Role


class RemoveMemberCommand(_OfItem):
    """The end of a membership."""

    do: Literal["remove_member"]
    username: str


BatchCommand = (
    PublishCommand
    | EditCommand
    | DeleteCommand
    | ReactCommand
    | CreateItemCommand
    | PutMemberCommand
    | RemoveMemberCommand
)


class BatchAnswer(TypedDict):
    """What became of one: `code` is there when it was refused, and only then."""

    status: int
    seq: NotRequired[int]
    at: NotRequired[str]
    duplicate: NotRequired[Literal[True]]
    code: NotRequired[str]
    detail: NotRequired[str]
    retry_after: NotRequired[float]
