"""Frames as server-sent events: what a socket says, for whoever only listens. Pure."""

from dataclasses import dataclass

import orjson

from ..errors import Refusal
from ..history.entries import Entry
from .codecs import DEFAULT_CODEC
from .encoding import Fields, Frame, shared

# Milliseconds until a browser comes back whose stream has ended, unless it is told otherwise.
RETRY_MS = 2000


@dataclass(frozen=True, slots=True)
class EventCodec:
    """A frame as an event of its type; an entry's names its place, where a client goes on.

    Args:
        epoch: of the log: an entry's id is the epoch, a dot and the seq.
    """

    epoch: str
    is_text = True

    @property
    def name(self) -> str:
        """No subprotocol's: what an entry's frame is remembered under."""
        return f"events.{self.epoch}"

    def decode(self, data: bytes) -> object:  # noqa: ARG002 - as every codec
        """Nobody says anything by events."""
        raise Refusal("unsupported_frame")

    def encode(self, fields: Fields) -> Frame:
        """An event without an id: it is not stored, and nobody goes on from it."""
        retry = _retry_ms(fields)
        wait = b"" if retry is None else b"retry: %d\n" % retry
        return _event(wait, fields["type"].encode(), orjson.dumps(fields))

    def encode_entry(self, entry: Entry) -> Frame | None:
        """An event with the bytes of the JSON that sockets get."""
        return shared(self, entry, lambda: self._encode_entry(entry))

    def _encode_entry(self, entry: Entry) -> Frame:
        place = b"id: %b.%d\n" % (self.epoch.encode(), entry.seq)
        json = DEFAULT_CODEC.encode_entry(entry)
        data = entry.json() if json is None else json.data
        return _event(place, entry.kind.encode(), data)


def _event(first: bytes, name: bytes, json: bytes) -> Frame:
    # JSON has no line breaks of its own, which would end the field.
    return Frame(b"%bevent: %b\ndata: %b\n\n" % (first, name, json), is_text=True)


def _retry_ms(fields: Fields) -> int | None:
    if fields["type"] == "welcome":
        return RETRY_MS
    retry_after = fields.get("retry_after")
    return None if retry_after is None else round(retry_after * 1000)
