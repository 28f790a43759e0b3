"""What clients may say: the exact words, and nothing beside them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Refusal
from api.live.client_frames import (
    AuthFrame,
    DeleteFrame,
    EditFrame,
    PingFrame,
    PresenceFrame,
    PublishFrame,
    ReactFrame,
    ReadFrame,
    SignalFrame,
    parse,
    ref_of,
)
from api.live.codecs import CODECS
from api.live.encoding import Burst, Frame, Notice
from api.live.frames import read
from api.wire.framing import on_the_wire
from tests.live.fakes import ADA, Fields, entry, fields_of

VALID: list[tuple[Fields, object]] = [
    ({"type": "publish", "body": None}, PublishFrame(type="publish", body=None)),
    ({"type": "publish", "body": b"\0", "ref": "a" * 64}, None),
    ({"type": "edit", "target": 12, "body": {"a": [1]}, "ref": "é"}, None),
    ({"type": "edit", "target": 2**53, "body": 1}, EditFrame(type="edit", target=2**53, body=1)),
    ({"type": "delete", "target": 1}, DeleteFrame(type="delete", target=1)),
    (
        {"type": "react", "target": 1, "value": "\N{HEAVY BLACK HEART}\ufe0f\u200d🔥", "on": True},
        None,
    ),
    (
        {"type": "react", "target": 1, "value": "..", "on": False},
        ReactFrame(type="react", target=1, value="..", on=False),
    ),
    ({"type": "signal", "name": "typing"}, SignalFrame(type="signal", name="typing", body=None)),
    ({"type": "read", "seq": 0}, ReadFrame(type="read", seq=0)),
    ({"type": "presence"}, PresenceFrame(type="presence")),
    ({"type": "auth", "token": ""}, AuthFrame(type="auth", token="")),
    ({"type": "ping"}, PingFrame(type="ping")),
]

INVALID: list[object] = [
    None,
    [],
    "ping",
    7,
    b"{}",
    {},
    {"type": None},
    {"type": ["ping"]},
    {"type": "PING"},
    {"type": "message", "body": 1},
    {"type": "publish"},
    {"type": "publish", "body": 1, "ref": ""},
    {"type": "publish", "body": 1, "ref": "a" * 65},
    {"type": "publish", "body": 1, "ref": "a\nb"},
    {"type": "publish", "body": 1, "ref": "a\x1b[2J"},
    {"type": "publish", "body": 1, "ref": 7},
    {"type": "publish", "body": 1, "ref": b"a"},
    {"type": "publish", "body": 1, "seq": 1},
    {"type": "publish", "body": 1, "by": {"id": "u-bob"}},
    {"type": "publish", "body": 1, "__proto__": {}},
    {"type": "edit", "target": 0, "body": 1},
    {"type": "edit", "target": -1, "body": 1},
    {"type": "edit", "target": "12", "body": 1},
    {"type": "edit", "target": 12.0, "body": 1},
    {"type": "edit", "target": True, "body": 1},
    {"type": "edit", "target": 2**53 + 1, "body": 1},
    {"type": "edit", "target": 2**64, "body": 1},
    {"type": "edit", "target": 12},
    {"type": "delete"},
    {"type": "delete", "target": None},
    {"type": "delete", "target": 1, "body": 1},
    {"type": "react", "target": 1, "value": "", "on": True},
    {"type": "react", "target": 1, "value": "x" * 33, "on": True},
    {"type": "react", "target": 1, "value": "\u202e", "on": True},
    {"type": "react", "target": 1, "value": "a\0", "on": True},
    {"type": "react", "target": 1, "value": "..", "on": True},
    {"type": "react", "target": 1, "value": "\u200b", "on": True},
    {"type": "react", "target": 1, "value": "👍", "on": 1},
    {"type": "react", "target": 1, "value": "👍", "on": "true"},
    {"type": "react", "target": 1, "value": "👍"},
    {"type": "signal", "body": 1},
    {"type": "signal", "name": ""},
    {"type": "signal", "name": "a\n"},
    {"type": "signal", "name": "a" * 65},
    {"type": "read", "seq": -1},
    {"type": "read", "seq": 2**53 + 1},
    {"type": "read", "seq": 1.5},
    {"type": "presence", "full": True},
    {"type": "auth"},
    {"type": "auth", "token": "a" * 4097},
    {"type": "auth", "token": b"abc"},
    {"type": "ping", "n": 1},
]


@pytest.mark.parametrize(("fields", "frame"), VALID)
def test_frame_of_the_contract_is_taken(fields: Fields, frame: object) -> None:
    """Every frame, with and without what is optional, up to its limits."""
    parsed = parse(fields)
    assert parsed.type == fields["type"]
    assert frame is None or parsed == frame


@pytest.mark.parametrize("fields", INVALID)
def test_frame_beside_the_contract_is_refused(fields: object) -> None:
    """Wrong types are not converted, unknown fields are not ignored, limits hold."""
    with pytest.raises(Refusal) as caught:
        parse(fields)
    assert caught.value.code == "bad_message"
    assert len(caught.value.message) < 100


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "publish", "body": 1, "ref": 7}, "publish.ref: string type"),
        ({"type": "edit", "body": 1}, "edit.target: missing"),
        ({"type": "hunter2"}, "frame: union tag invalid"),
        ({"type": "ping", "hunter2" * 999: "hunter2"}, "ping: extra forbidden"),
        ({"type": "ping"} | {f"hunter{n}": n for n in range(9)}, "frame: extra forbidden"),
        ({"type": "auth", "token": "hunter2" * 999}, "auth.token: string too long"),
    ],
)
def test_refusal_names_the_field_and_never_what_was_sent(fields: Fields, message: str) -> None:
    """Neither a value nor a field's name that the client made up comes back."""
    with pytest.raises(Refusal) as caught:
        parse(fields)
    assert caught.value.message == message


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from([valid["type"] for valid, _ in VALID]) | st.text()},
        optional={
            name: st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats()
            for name in ("ref", "target", "body", "value", "on", "name", "seq", "token", "more")
        },
    )
)
def test_any_fields_are_a_frame_or_refused(fields: Fields) -> None:
    """Parsing raises nothing but a refusal, and what it takes keeps to the limits."""
    try:
        frame = parse(fields)
    except Refusal:
        return
    known: Any = frame.model_dump()
    assert 1 <= len(known.get("ref") or "r") <= 64
    assert 0 <= known.get("target", 1) <= 2**53


@pytest.mark.parametrize(
    ("fields", "ref"),
    [
        ({"type": "hunter2", "ref": "a1"}, "a1"),
        ({"ref": "a" * 64}, "a" * 64),
        ({"ref": "a" * 65}, None),
        ({"ref": ""}, None),
        ({"ref": "a\nb"}, None),
        ({"ref": 7}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_ref_of_a_refused_frame_is_given_back_if_usable(fields: object, ref: str | None) -> None:
    """The client can tell which of its commands was wrong."""
    assert ref_of(fields) == ref


def test_burst_is_encoded_once_for_each_subprotocol() -> None:
    """All receivers of a subprotocol share the same bytes, for ASGI as for the wire."""
    burst = Burst([entry(1), entry(2)])
    for codec in CODECS.values():
        frames = burst.frames[codec]
        assert burst.frames[codec] is frames
        assert on_the_wire(frames) is on_the_wire(frames)
        assert on_the_wire(frames) == b"".join(
            bytes([0x81 if codec.is_text else 0x82]) + _length(frame) + frame.data
            for frame in frames.frames
        )


def test_notice_is_encoded_once_for_each_subprotocol() -> None:
    """Whoever is here: a list of two hundred is not made anew for each of a thousand."""
    notice = Notice(read(ADA, 7))
    shown = {}
    for codec in CODECS.values():
        frames = notice.frames[codec]
        assert notice.frames[codec] is frames
        shown[codec.name] = [fields_of(frame) for frame in frames.frames]
    whole = {"type": "read", "by": {"id": "u-ada", "name": "Ada"}, "seq": 7}
    assert shown == {
        "itemroom.v1.json": [whole],
        "itemroom.v1.msgpack": [whole],
        "itemroom.v1.text": [],
    }


def _length(frame: Frame) -> bytes:
    size = len(frame.data)
    return bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2)


def test_frame_is_decoded_once() -> None:
    """Text is made when somebody asks for it."""
    frame = Frame("é".encode(), is_text=True)
    assert frame.text == "é"
    assert frame.text is frame.text
