"""Frames as events: one block each, encoded once for all."""

import pytest

from api.errors import Refusal
from api.history.entries import Kind
from api.live.codecs import DEFAULT_CODEC
from api.live.encoding import Burst
from api.live.events import RETRY_MS, EventCodec
from tests.events import Reader
from tests.live.fakes import entry

CODEC = EventCodec("e1")


def test_entry_is_an_event_with_its_place_and_the_sockets_own_bytes() -> None:
    """Whatever is in its body: a line break in it ends no field."""
    told = entry(7, body='"a\\n\\nid: x\\nevent: y é\\u2028"'.encode())
    frame = CODEC.encode_entry(told)
    assert frame is not None
    (event,) = Reader().read(frame.data)
    assert (event.id, event.type) == ("e1.7", "message")
    assert event.data["body"] == "a\n\nid: x\nevent: y é\u2028"
    json = DEFAULT_CODEC.encode_entry(told)
    assert json is not None
    assert b"data: %b\n\n" % json.data in frame.data


@pytest.mark.parametrize("kind", [Kind.DELETE, Kind.REACTION, Kind.MEMBER, Kind.ITEM])
def test_every_kind_of_entry_is_an_event_of_its_type(kind: Kind) -> None:
    """As its frame is."""
    frame = CODEC.encode_entry(entry(1, kind, body=b"{}"))
    assert frame is not None
    assert Reader().read(frame.data)[0].type == kind.value


def test_entry_is_encoded_once_for_all_who_follow_one_life_of_the_log() -> None:
    """And apart for another life, whose ids say so."""
    burst = Burst([entry(1), entry(2)])
    (first, _) = burst.frames[EventCodec("e1")].frames
    assert burst.frames[EventCodec("e1")].frames[0] is first
    assert CODEC.encode_entry(burst.entries[0]) is first
    other = burst.frames[EventCodec("e2")].frames[0]
    assert Reader().read(other.data)[0].id == "e2.1"


@pytest.mark.parametrize(
    ("fields", "retry"),
    [
        ({"type": "welcome"}, RETRY_MS),
        ({"type": "live", "seq": 3}, None),
        ({"type": "closing", "reason": "removed"}, None),
        ({"type": "closing", "reason": "restart", "retry_after": 1.25}, 1250),
    ],
)
def test_what_is_not_stored_has_no_id_and_says_when_to_come_back(
    fields: dict[str, object], retry: int | None
) -> None:
    """A browser obeys `retry` by itself."""
    reader = Reader()
    (event,) = reader.read(CODEC.encode(fields).data)
    assert (event.type, event.data, event.id) == (fields["type"], fields, None)
    assert reader.retry == retry


def test_nobody_says_anything_by_events() -> None:
    """There is no way for it."""
    with pytest.raises(Refusal) as caught:
        CODEC.decode(b"{}")
    assert caught.value.code == "unsupported_frame"
