"""Frames as all receivers share them: encoded once, written many times. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ..history.entries import Entry

# Of any frame: those of `api.live.frames`, and an entry's own.
Fields = Mapping[str, Any]


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

    __slots__ = ("frames", "wire")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self.wire: bytes | None = None
        """As a transport writes them: made by the first that does, shared by all others."""


def frames_of(codec: "Encoder", fields: Fields) -> Frames:
    """A frame of the server on its own; none when the subprotocol does not show it."""
    frame = codec.encode(fields)
    return Frames([frame] if frame is not None else [])


class Encodings(dict["Encoder", Frames]):
    """Frames by subprotocol, made for the first that asks: all others of a crowd only look up.

    Args:
        encode: gives the frames in a subprotocol; None for what it does not show.
    """

    __slots__ = ("_encode",)

    def __init__(self, encode: Callable[["Encoder"], Sequence[Frame | None]]) -> None:
        self._encode = encode

    def __missing__(self, codec: "Encoder") -> Frames:
        frames = self[codec] = Frames([one for one in self._encode(codec) if one is not None])
        return frames


class Burst:
    """Entries of one item that go out together."""

    __slots__ = ("entries", "first", "frames", "last")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.first = entries[0].seq
        self.last = entries[-1].seq
        self.frames = Encodings(lambda codec: [codec.encode_entry(entry) for entry in entries])


class Notice:
    """Something for a whole room that is not stored."""

    __slots__ = ("fields", "frames")

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.frames = Encodings(lambda codec: [codec.encode(fields)])


class Encoder(Protocol):
    """How frames are written for some of all clients; a key for what is written once."""

    def encode(self, fields: Fields) -> Frame | None:
        """A server's frame; None: these clients are not shown it."""

    def encode_entry(self, entry: Entry) -> Frame | None:
        """An entry's frame."""


class Codec(Encoder, Protocol):
    """A subprotocol: how frames are written and read."""

    @property
    def name(self) -> str:
        """The subprotocol's name on the wire."""

    @property
    def is_text(self) -> bool:
        """Whether its frames are text frames."""

    def decode(self, data: bytes) -> object:
        """The fields of a client's frame; raises Refusal `bad_message`."""


def shared(codec: Codec, entry: Entry, make: Callable[[], Frame | None]) -> Frame | None:
    """The entry's frame in a subprotocol: made by whoever needs it first, then remembered."""
    if codec.name not in entry.forms:
        entry.forms[codec.name] = make()
    frame: Frame | None = entry.forms[codec.name]
    return frame
