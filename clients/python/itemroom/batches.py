"""Commands of a batch, and what comes of them."""

from typing import Any, Literal, NotRequired, TypedDict

from itemroom.core.frames import Role

# `as` is no name in Python. Whom a service key acts for, where it is given.
PublishCommand = TypedDict(
    "PublishCommand",
    {
        "do": Literal["publish"],
        "item": str,
        "as": NotRequired[str],
        "ref": NotRequired[str],
        "body": Any,
    },
)
PublishCommand.__doc__ = "A new message."

EditCommand = TypedDict(
    "EditCommand",
    {
        "do": Literal["edit"],
        "item": str,
        "as": NotRequired[str],
        "ref": NotRequired[str],
        "target": int,
        "body": Any,
    },
)
EditCommand.__doc__ = "Another body for a message."

DeleteCommand = TypedDict(
    "DeleteCommand",
    {
        "do": Literal["delete"],
        "item": str,
        "as": NotRequired[str],
        "ref": NotRequired[str],
        "target": int,
    },
)
DeleteCommand.__doc__ = "The end of a message."

ReactCommand = TypedDict(
    "ReactCommand",
    {
        "do": Literal["react"],
        "item": str,
        "as": NotRequired[str],
        "ref": NotRequired[str],
        "target": int,
        "value": str,
        "on": NotRequired[bool],
    },
)
ReactCommand.__doc__ = "A reaction, put on or taken back."

CreateItemCommand = TypedDict(
    "CreateItemCommand",
    {
        "do": Literal["create_item"],
        "item": str,
        "as": NotRequired[str],
        "title": NotRequired[str],
        "default_role": NotRequired[Literal["reader", "writer"] | None],
    },
)
CreateItemCommand.__doc__ = "A new item."

PutMemberCommand = TypedDict(
    "PutMemberCommand",
    {
        "do": Literal["put_member"],
        "item": str,
        "as": NotRequired[str],
        "username": str,
        "role": Role,
    },
)
PutMemberCommand.__doc__ = "A new member, or another role for one."

RemoveMemberCommand = TypedDict(
    "RemoveMemberCommand",
    {"do": Literal["remove_member"], "item": str, "as": NotRequired[str], "username": str},
)
RemoveMemberCommand.__doc__ = "The end of a membership."

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
