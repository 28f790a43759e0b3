"""The subprotocols: JSON, MessagePack, and plain text for people at a terminal. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import ormsgpack

from ..errors import Refusal
from ..history.bodies import decode_json, restore_bytes
from ..history.entries import Entry
from .encoding import Codec, Fields, Frame, shared
from .text import TextCodec


class JsonCodec:
    """`itemroom.v1.json`: an object a frame, as text."""

    name = "itemroom.v1.json"
    is_text = True

    def decode(self, data: bytes) -> object:
        """One JSON object."""
        return decode_json(data)

    def encode(self, fields: Fields) -> Frame:
        """One JSON object."""
        return Frame(orjson.dumps(fields), is_text=True)

    def encode_entry(self, entry: Entry) -> Frame | None:
        """The entry's JSON, as in a page of the log."""
        return shared(self, entry, lambda: Frame(entry.json(), is_text=True))


class MsgpackCodec:
    """`itemroom.v1.msgpack`: the same objects as MessagePack, in binary frames.

    A body may hold bytes here. They are stored as {"$bytes": …}, and are bytes again for others
    who speak MessagePack.
    """

    name = "itemroom.v1.msgpack"
    is_text = False

    def decode(self, data: bytes) -> object:
        """One MessagePack map."""
        try:
            return ormsgpack.unpackb(data)
        except (ValueError, RecursionError) as error:
            raise Refusal("bad_message", "This is not MessagePack.") from error

    def encode(self, fields: Fields) -> Frame:
        """One MessagePack map; bodies that were encoded as JSON become values again."""
        return Frame(ormsgpack.packb(_plain(fields)), is_text=False)

    def encode_entry(self, entry: Entry) -> Frame | None:
        """The fields of the entry's JSON."""
        return shared(self, entry, lambda: self.encode(entry.fields()))


class ItemEncoder:
    """A subprotocol on a socket for many items: what is of an item says of which.

    Equal ones share what is encoded, whoever holds them.
    """

    __slots__ = ("_base", "_hash", "_item_id")

    def __init__(self, base: Codec, item_id: str) -> None:
        self._base = base
        self._item_id = item_id
        self._hash = hash((base.name, item_id))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ItemEncoder)
            and self._item_id == other._item_id
            and self._base is other._base
        )

    def encode(self, fields: Fields) -> Frame | None:
        """The frame with the item's id, unless it tells more of the item."""
        return self._base.encode(fields if "item" in fields else {"item": self._item_id, **fields})

    def encode_entry(self, entry: Entry) -> Frame | None:
        """Likewise."""
        return self._base.encode({"item": self._item_id, **entry.fields()})


def _plain(fields: Fields) -> Any:
    return restore_bytes(orjson.loads(orjson.dumps(fields)))


CODECS: dict[str, Codec] = {
    codec.name: codec for codec in (JsonCodec(), TextCodec(), MsgpackCodec())
}
DEFAULT_CODEC = CODECS["itemroom.v1.json"]
# A line of text does not say of which item it is.
SHARED_CODECS = {name: codec for name, codec in CODECS.items() if not isinstance(codec, TextCodec)}


def choose_codec(
    offered: Iterable[str], codecs: Mapping[str, Codec] = CODECS
) -> tuple[Codec, str | None]:
    """The first subprotocol offered that is ours, and what to answer; JSON when none is.

    A client that offers nothing, or only names that are not ours, gets no subprotocol in the
    answer: RFC 6455, section 4.2.2, lets the server choose only from what was offered.
    """
    for name in offered:
        if name in codecs:
            return codecs[name], name
    return DEFAULT_CODEC, None
