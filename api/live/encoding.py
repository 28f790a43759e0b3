"""Frames as all receivers share them: encoded once, written many times. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from api.history.entries import Entry

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


def frames_of(codec: "Codec", fields: Fields) -> Frames:
    """A frame of the server on its own; none when the subprotocol does not show it."""
    frame = codec.encode(fields)
    return Frames([frame] if frame is not None else [])


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
