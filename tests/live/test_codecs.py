"""The subprotocols say the same in three ways."""

from typing import Any

import orjson
import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Refusal
from api.history.bodies import encode_body
from api.history.entries import Kind
from api.live.codecs import CODECS, DEFAULT_CODEC, choose_codec
from tests.history.test_bodies import anything, with_bytes
from tests.live.fakes import Fields, entry

JSON = CODECS["itemroom.v1.json"]
MSGPACK = CODECS["itemroom.v1.msgpack"]
TEXT = CODECS["itemroom.v1.text"]


def unpacked(data: bytes) -> Any:
    return ormsgpack.unpackb(data)


@pytest.mark.parametrize(
    ("offered", "name"),
    [
        ([], None),
        (["chat", "bearer.abc"], None),
        (["itemroom.v1.text"], "itemroom.v1.text"),
        (["bearer.abc", "itemroom.v1.msgpack", "itemroom.v1.json"], "itemroom.v1.msgpack"),
        (["ITEMROOM.V1.TEXT"], None),
    ],
)
def test_first_subprotocol_of_ours_is_chosen(offered: list[str], name: str | None) -> None:
    """Only what was offered is answered; without any of ours it is JSON, unnamed."""
    codec, answer = choose_codec(offered)
    assert answer == name
    assert codec.name == (name or DEFAULT_CODEC.name) == codec.name


@given(with_bytes)
def test_body_reads_the_same_in_json_and_msgpack(value: object) -> None:
    """The JSON of an entry is its stored bytes; MessagePack clients get bytes as bytes."""
    body = encode_body(value, max_bytes=16384, max_nesting=32)
    stored = entry(7, body=body, ref="r", edited_seq=9)
    shown = JSON.encode_entry(stored)
    assert shown is not None
    assert shown.is_text
    assert shown.data == stored.json()
    assert body in shown.data
    packed = MSGPACK.encode_entry(stored)
    assert packed is not None
    assert not packed.is_text
    assert unpacked(packed.data) == orjson.loads(shown.data) | {"body": value}


@given(anything)
def test_no_accepted_body_breaks_any_subprotocol(value: object) -> None:
    """Whatever one client may say, all others can be told."""
    try:
        body = encode_body(value, max_bytes=16384, max_nesting=32)
    except Refusal:
        return
    for codec in CODECS.values():
        for kind in (Kind.MESSAGE, Kind.EDIT):
            frame = codec.encode_entry(entry(2, kind, target=1, body=body))
            assert frame is not None
            assert not frame.is_text or frame.text.encode() == frame.data
        codec.encode({"type": "signal", "name": "x", "body": orjson.Fragment(body)})


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_entry_is_encoded_once_for_all_receivers(codec: Any) -> None:
    """Whoever comes second gets the very same frame."""
    stored = entry(1)
    assert codec.encode_entry(stored) is codec.encode_entry(stored)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x81\x01\x02",
        b"\xd4\x01\x00",
        b"\xa1\xff",
        b"\xa3\xed\xa0\x80",
        b"\x91" * 5000 + b"\x01",
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\x7f\xff\xff\xff",
    ],
)
def test_msgpack_that_is_none_is_refused(data: bytes) -> None:
    """Reserved bytes, other keys than text, extensions, bad UTF-8, depth, lengths that lie."""
    with pytest.raises(Refusal) as caught:
        MSGPACK.decode(data)
    assert caught.value.code == "bad_message"


@given(st.binary(max_size=80))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    """No subprotocol raises anything but a refusal for what a client sends."""
    for codec in CODECS.values():
        try:
            codec.decode(data)
        except Refusal as refusal:
            error: Refusal | None = refusal
        else:
            error = None
        assert error is None or error.code == "bad_message"


def test_frames_of_the_server_read_the_same_in_json_and_msgpack() -> None:
    """Not only entries: a welcome with text beyond ASCII, numbers and nothing."""
    fields: Fields = {
        "type": "welcome",
        "item": {"title": "Bücher 📚"},
        "expires_at": None,
        "n": 1.5,
    }
    shown, packed = JSON.encode(fields), MSGPACK.encode(fields)
    assert shown is not None
    assert packed is not None
    assert orjson.loads(shown.data) == unpacked(packed.data) == fields


def test_client_frames_decode_the_same() -> None:
    """One JSON object or one MessagePack map."""
    fields = {"type": "publish", "body": [1, None, "x"], "ref": "a"}
    assert JSON.decode(orjson.dumps(fields)) == MSGPACK.decode(ormsgpack.packb(fields)) == fields
    assert TEXT.decode(b"hello\r\n") == {"type": "publish", "body": "hello"}
