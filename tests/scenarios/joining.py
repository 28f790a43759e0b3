"""A raw socket in a room: how it gets there, what it hears, how it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from tests.scenarios.frames import Raw, close_of, dial, handshake
from tests.serving import Fields, Person

JSON, MSGPACK, PLAIN = "itemroom.v1.json", "itemroom.v1.msgpack", "itemroom.v1.text"


@contextmanager
def joined(person: Person, protocol: str = JSON) -> Iterator[Raw]:
    """A raw socket in the room, welcomed and live."""
    request = handshake(
        f"/items/room/ws?token={person.token}&tail=0", f"Sec-WebSocket-Protocol: {protocol}"
    )
    with dial(person.server.url, request) as raw:
        answer = raw.stream.answer()
        assert (answer.status, answer.headers["sec-websocket-protocol"]) == (101, protocol)
        while b"live" not in raw.stream.frame()[1]:
            pass
        yield raw


def ended(raw: Raw) -> tuple[int, str, Fields]:
    """Close code, its reason, and the `closing` frame if one came."""
    *before, (_, payload) = raw.stream.frames()
    closing = [frame for frame in before if b"closing" in frame[1]]
    code, reason = close_of(payload)
    return code, reason, orjson.loads(closing[-1][1]) if closing else {}


def heard(raw: Raw, *types: str) -> Fields:
    """The next JSON frame of these types."""
    while True:
        fields: Fields = orjson.loads(raw.stream.frame()[1])
        if fields["type"] in types:
            return fields
