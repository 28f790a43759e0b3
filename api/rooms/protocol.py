"""The words of the wire: what clients may say, and the frames that all receivers share.

Pure: no framework, no database. docs/protocol.md is the prose of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from api.errors import Refusal
from api.history.entries import Entry
from api.history.words import MAX_SEQ, ReactionValue, Ref, check_printable, is_showable
from api.letters import is_addressable, is_visible
from api.wire.framing import BINARY, TEXT, server_frame

Fields = dict[str, Any]
Seq = Annotated[int, Field(ge=1, le=MAX_SEQ)]
Name = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(check_printable)]


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


AnyClientFrame = (
    PublishFrame
    | EditFrame
    | DeleteFrame
    | ReactFrame
    | SignalFrame
    | ReadFrame
    | PresenceFrame
    | AuthFrame
    | PingFrame
)
CLIENT_FRAMES: TypeAdapter[AnyClientFrame] = TypeAdapter(
    Annotated[AnyClientFrame, Field(discriminator="type")]
)


def parse(fields: object) -> AnyClientFrame:
    """A client's frame from its decoded fields.

    Raises:
        Refusal: `bad_message`, naming the field that is wrong but never what was in it.
    """
    try:
        return CLIENT_FRAMES.validate_python(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise Refusal("bad_message", _problem(first)) from None


def _problem(error: Mapping[str, Any]) -> str:
    place = error["loc"]
    if error["type"] == "extra_forbidden":
        place = place[:-1]  # The name of a field that is not ours is the client's own text.
    return f"{'.'.join(map(str, place)) or 'frame'}: {error['type'].replace('_', ' ')}"


def ref_of(fields: object) -> str | None:
    """The ref of a frame that was refused, if it has a usable one: the client can match it."""
    ref = fields.get("ref") if isinstance(fields, dict) else None
    is_usable = isinstance(ref, str) and 1 <= len(ref) <= 64 and all(map(is_showable, ref))
    return ref if is_usable else None


class Frame:
    """The payload of one WebSocket frame, made once and shared by all who get it."""

    __slots__ = ("_text", "data", "is_text")

    def __init__(self, data: bytes, *, is_text: bool) -> None:
        self.data = data
        self.is_text = is_text
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The payload as text, decoded once: ASGI takes text frames as str."""
        if self._text is None:
            self._text = self.data.decode()
        return self._text


class Frames:
    """Frames that are sent together: one write a connection, of bytes that all of them share."""

    __slots__ = ("_wire", "frames")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """As they go over the wire (RFC 6455, section 5.2: whole and unmasked), made once."""
        if self._wire is None:
            self._wire = b"".join(map(_on_the_wire, self.frames))
        return self._wire


def frames_of(codec: "Codec", fields: Fields) -> Frames:
    """A frame of the server on its own; none when the subprotocol does not show it."""
    frame = codec.encode(fields)
    return Frames([frame] if frame is not None else [])


def _on_the_wire(frame: Frame) -> bytes:
    return server_frame(TEXT if frame.is_text else BINARY, frame.data)


class Burst:
    """Entries of one item that go out together, encoded once for each subprotocol."""

    __slots__ = ("_frames", "entries", "first", "last")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.first = entries[0].seq
        self.last = entries[-1].seq
        self._frames: dict[str, Frames] = {}

    def frames(self, codec: "Codec") -> Frames:
        """The entries' frames in a subprotocol; some have no frame in some."""
        frames = self._frames.get(codec.name)
        if frames is None:
            encoded = (codec.encode_entry(entry) for entry in self.entries)
            frames = Frames([frame for frame in encoded if frame is not None])
            self._frames[codec.name] = frames
        return frames


class Client(Protocol):
    """Who is told of what happens to a socket."""

    def received(self, data: bytes, *, is_text: bool) -> None:
        """A message has come."""

    def drained(self) -> None:
        """The socket takes more again."""

    def failed(self, failure_id: str) -> None:
        """A handler failed; the log has the same id."""

    def broke(self, code: str, *, retry_after: float | None = None) -> None:
        """The peer broke the protocol or its limits; `code` says how."""

    def lost(self) -> None:
        """The socket is gone."""


class Socket(Protocol):
    """The transport of a connection. No call blocks."""

    @property
    def is_full(self) -> bool:
        """Whether more waits to be sent than the write buffer should hold."""

    @property
    def sent_bytes(self) -> int:
        """What the peer has taken so far; stands still when the peer does."""

    def send(self, frames: Frames) -> None:
        """Send after what was given before."""

    def deafen(self) -> None:
        """Handle nothing more of what the peer says; what is sent still goes out."""

    def close(self, code: int, reason: str) -> None:
        """Send what was given before, then close; deaf from then on."""


class Codec(Protocol):
    """A subprotocol: how frames are written and read."""

    @property
    def name(self) -> str:
        """The subprotocol's name on the wire."""

    @property
    def is_text(self) -> bool:
        """Whether its frames are text frames."""

    def decode(self, data: bytes) -> object:
        """The fields of a client's frame; raises Refusal `bad_message`."""

    def encode(self, fields: Fields) -> Frame | None:
        """A server's frame; None: this subprotocol does not show it."""

    def encode_entry(self, entry: Entry) -> Frame | None:
        """An entry's frame."""


def shared(codec: Codec, entry: Entry, make: Callable[[], Frame | None]) -> Frame | None:
    """The entry's frame in a subprotocol: made by whoever needs it first, then remembered."""
    if codec.name not in entry.forms:
        entry.forms[codec.name] = make()
    frame: Frame | None = entry.forms[codec.name]
    return frame
