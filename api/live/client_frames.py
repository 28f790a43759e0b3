"""The words of the wire: what clients may say, and the frames that all receivers share.

Pure: no framework, no database. docs/protocol.md is the prose of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ..errors import Refusal
from ..history.words import MAX_SEQ, ReactionValue, Ref, check_printable, check_text, is_showable
from ..letters import is_addressable, is_visible

Frame = TypeVar("Frame")
Seq = Annotated[int, Field(ge=1, le=MAX_SEQ)]
Name = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(check_printable)]
# What could not be one is like every other item that does not exist.
MAX_ITEM_ID = 128
ItemId = Annotated[
    str, Field(min_length=1, max_length=MAX_ITEM_ID), AfterValidator(check_printable)
]


def as_moment(value: object) -> object:
    """A time as frames have it; others are left to be refused."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


class ClientFrame(BaseModel):
    """What a client says. Unknown fields are refused: they are a mistake or a probe."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class PublishFrame(ClientFrame):
    """A new message."""

    type: Literal["publish"]
    ref: Ref | None = None
    body: Any


class EditFrame(ClientFrame):
    """Another body for a message."""

    type: Literal["edit"]
    ref: Ref | None = None
    target: Seq
    body: Any


class DeleteFrame(ClientFrame):
    """The end of a message."""

    type: Literal["delete"]
    ref: Ref | None = None
    target: Seq


class ReactFrame(ClientFrame):
    """A reaction, put on or taken back."""

    type: Literal["react"]
    ref: Ref | None = None
    target: Seq
    value: ReactionValue
    on: bool

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        # Also REST must be able to name it: but what is there already can be taken back.
        if self.on and not is_addressable(self.value):
            raise PydanticCustomError("value_not_addressable", "an address cannot hold it")
        if self.on and not is_visible(self.value):
            raise PydanticCustomError("value_not_visible", "nobody sees it")
        return self


class StartFrame(ClientFrame):
    """A new message that is going to grow."""

    type: Literal["start"]
    ref: Ref | None = None
    body: Any


class AppendFrame(ClientFrame):
    """More text for one's own message in the making, at this code point."""

    type: Literal["append"]
    target: Seq
    part: Annotated[int, Field(ge=0, le=1000)] | None = None
    at: Annotated[int, Field(ge=0, le=MAX_SEQ)]
    text: Annotated[str, Field(min_length=1), AfterValidator(check_text)]


class FinishFrame(ClientFrame):
    """One's message is complete, or will not be."""

    type: Literal["finish"]
    ref: Ref | None = None
    target: Seq
    state: Literal["done", "failed", "stopped"] = "done"
    error: dict[str, Any] | None = None
    body: Any = None


class StopFrame(ClientFrame):
    """Somebody's message in the making should end."""

    type: Literal["stop"]
    ref: Ref | None = None
    target: Seq


class SignalFrame(ClientFrame):
    """Something for those who are here now, such as typing; never stored."""

    type: Literal["signal"]
    name: Name
    body: Any = None


class ReadFrame(ClientFrame):
    """How far I have read."""

    type: Literal["read"]
    seq: Annotated[int, Field(ge=0, le=MAX_SEQ)]


class PresenceFrame(ClientFrame):
    """Who is here?"""

    type: Literal["presence"]


class AuthFrame(ClientFrame):
    """A newer token of the same user."""

    type: Literal["auth"]
    token: Annotated[str, Field(max_length=4096)]


class PingFrame(ClientFrame):
    """Are you there?"""

    type: Literal["ping"]


RoomFrame = (
    PublishFrame
    | EditFrame
    | DeleteFrame
    | ReactFrame
    | StartFrame
    | AppendFrame
    | FinishFrame
    | StopFrame
    | SignalFrame
    | ReadFrame
    | PresenceFrame
    | PingFrame
)
ROOM_FRAMES: TypeAdapter[RoomFrame] = TypeAdapter(Annotated[RoomFrame, Field(discriminator="type")])
AnyClientFrame = RoomFrame | AuthFrame
CLIENT_FRAMES: TypeAdapter[AnyClientFrame] = TypeAdapter(
    Annotated[AnyClientFrame, Field(discriminator="type")]
)


class JoinFrame(ClientFrame):
    """A seat in an item's room, by a socket for many: begin after this seq, or with the newest."""

    type: Literal["join"]
    item: ItemId
    after: Annotated[int, Field(ge=0, le=MAX_SEQ)] | None = None
    epoch: Annotated[str, Field(max_length=64)] | None = None
    tail: Annotated[int, Field(ge=0, le=MAX_SEQ)] | None = None


class LeaveFrame(ClientFrame):
    """No more of this item."""

    type: Literal["leave"]
    item: ItemId


class WatchFrame(ClientFrame):
    """Tell of my items when they change, and first what has changed since a moment."""

    type: Literal["watch"]
    since: Annotated[AwareDatetime, BeforeValidator(as_moment)] | None = None


class UnwatchFrame(ClientFrame):
    """No more of that."""

    type: Literal["unwatch"]


SocketFrame = JoinFrame | LeaveFrame | WatchFrame | UnwatchFrame | AuthFrame | PingFrame
SOCKET_FRAMES: TypeAdapter[SocketFrame] = TypeAdapter(
    Annotated[SocketFrame, Field(discriminator="type")]
)
# What names an item, and is not for that item's room.
_ABOUT_ITEMS = frozenset({"join", "leave"})


# More than the longest frame has. Of 7000 unknown ones, as 64 KB can hold, pydantic would make an
# error each: 15 ms.
MAX_FIELDS = 8


def parse(fields: object) -> AnyClientFrame:
    """A client's frame from its decoded fields.

    Raises:
        Refusal: `bad_message`, naming the field that is wrong but never what was in it.
    """
    return _parse(CLIENT_FRAMES, fields)


def parse_shared(fields: object) -> SocketFrame | tuple[str, RoomFrame]:
    """A frame of a socket for many items: its own, or the id of an item and what is for its room.

    Raises:
        Refusal: as `parse`.
    """
    if not isinstance(fields, dict) or "item" not in fields or fields.get("type") in _ABOUT_ITEMS:
        return _parse(SOCKET_FRAMES, fields)
    item_id = item_of(fields)
    if item_id is None:
        raise Refusal("bad_message", f"item: at most {MAX_ITEM_ID} characters that can be shown")
    said = {name: value for name, value in fields.items() if name != "item"}
    return item_id, _parse(ROOM_FRAMES, said)


def _parse(adapter: TypeAdapter[Frame], fields: object) -> Frame:
    if isinstance(fields, dict) and len(fields) > MAX_FIELDS:
        raise Refusal("bad_message", "frame: extra forbidden")
    try:
        # Not by the adapter's own method, which hands on nine options that nobody sets.
        frame: Frame = adapter.validator.validate_python(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise Refusal("bad_message", describe_fault(first)) from None
    return frame


def describe_fault(error: Mapping[str, Any]) -> str:
    """Where a fault that pydantic has found is, and of what kind; nothing of what was said."""
    place = error["loc"]
    if error["type"] == "extra_forbidden":
        place = place[:-1]  # The name of a field that is not ours is the client's own text.
    return f"{'.'.join(map(str, place)) or 'frame'}: {error['type'].replace('_', ' ')}"


def ref_of(fields: object) -> str | None:
    """The ref of a frame that was refused, if it has a usable one: the client can match it."""
    ref = fields.get("ref") if isinstance(fields, dict) else None
    is_usable = isinstance(ref, str) and 1 <= len(ref) <= 64 and is_showable(ref)
    return ref if is_usable else None


def item_of(fields: object) -> str | None:
    """The item that a frame names, in a form that it can be answered with."""
    item_id = fields.get("item") if isinstance(fields, dict) else None
    if not isinstance(item_id, str) or not 1 <= len(item_id) <= MAX_ITEM_ID:
        return None
    return item_id if is_showable(item_id) else None


def target_of(fields: object) -> int | None:
    """The message that a refused addition was meant for: it has no ref to be matched by."""
    if not isinstance(fields, dict) or fields.get("type") != "append":
        return None
    target = fields.get("target")
    return target if isinstance(target, int) and 1 <= target <= MAX_SEQ else None
