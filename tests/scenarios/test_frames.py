"""What a client may send once it is in, and what it is told when it may not."""

import random
import socket
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import Serve, make_settings
from tests.scenarios.frames import BINARY, CLOSE, TEXT, client_frame, close_of
from tests.scenarios.joining import JSON, MSGPACK, PLAIN, ended, heard, joined
from tests.serving import Fields, LiveServer, Person

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
FRAME_BYTES = 2048


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Ada on a server with small frames and without rates: errors and fuzz are many."""
    changes = {"max_frame_bytes": FRAME_BYTES, "max_body_bytes": 1024, "error_burst": 10}
    changes |= {"handshake_rate": 0, "connections_per_user": 0, "publish_rate": 0}
    with LiveServer(make_settings(tmp_path_factory.mktemp("frames"), **changes)) as server:
        ada = server.person("ada")
        ada.create("room")
        yield ada


@pytest.mark.parametrize(
    ("protocol", "opcode", "said"),
    [
        (JSON, BINARY, b"! unsupported_frame"),
        (PLAIN, BINARY, b"! unsupported_frame"),
        (MSGPACK, TEXT, b"unsupported_frame"),
    ],
)
def test_the_other_kind_of_frame_is_unsupported(
    ada: Person, protocol: str, opcode: int, said: bytes
) -> None:
    """Binary where text is spoken, and the reverse."""
    with joined(ada, protocol) as raw:
        raw.send(client_frame(opcode, b"{}"))
        *_, (_, closing), (_, close) = raw.stream.frames()
        assert close_of(close) == (1003, "unsupported_frame")
        if protocol == JSON:
            frame = orjson.loads(closing)
            assert (frame["reason"], frame["retry"]) == ("unsupported_frame", "never")
        else:
            assert said in closing


BROKEN = {
    "invalid_utf8": (client_frame(TEXT, b'"\xff"'), 1007),
    "surrogate_in_utf8": (client_frame(TEXT, b'"\xed\xa0\x80"'), 1007),
    "utf8_cut_by_the_end": (client_frame(TEXT, b'"\xe2\x82'), 1007),
    "not_masked": (b"\x81\x02{}", 1002),
    "reserved_bit": (b"\xc1\x82\0\0\0\0{}", 1002),
    "unknown_opcode": (client_frame(3, b"{}"), 1002),
    "unknown_control_opcode": (client_frame(11), 1002),
    "continuation_of_nothing": (client_frame(0, b"{}"), 1002),
    "text_within_a_message": (client_frame(TEXT, b"{", last=False) + client_frame(TEXT), 1002),
    "fragmented_ping": (client_frame(9, last=False), 1002),
    "long_ping": (client_frame(9, bytes(126)), 1002),
    "close_code_of_one_byte": (client_frame(CLOSE, b"\x03"), 1002),
    "close_code_that_is_none": (client_frame(CLOSE, (1005).to_bytes(2)), 1002),
    "frame_too_big": (client_frame(TEXT, bytes(FRAME_BYTES + 1)), 1009),
    "only_the_head_of_a_big_frame": (b"\x81\xff" + (2**62).to_bytes(8) + bytes(4), 1009),
    "fragments_too_big": (
        client_frame(TEXT, bytes(FRAME_BYTES), last=False) + client_frame(0, b"x"),
        1009,
    ),
}


@pytest.mark.parametrize(("data", "code"), BROKEN.values(), ids=BROKEN)
def test_broken_framing_is_closed_with_the_protocols_own_code(
    ada: Person, data: bytes, code: int
) -> None:
    """RFC 6455, section 7.4.1; the connection ends at once."""
    with joined(ada) as raw:
        raw.send(data)
        assert ended(raw)[0] == code


MALFORMED = {
    "no_json": b"hello",
    "empty": b"",
    "array": b"[]",
    "null": b"null",
    "no_type": b"{}",
    "unknown_type": b'{"type":"shout"}',
    "type_of_another_kind": b'{"type":1}',
    "unknown_field": b'{"type":"ping","x":1}',
    "forged_author": b'{"type":"publish","body":"x","by":{"id":"eve"}}',
    "no_body": b'{"type":"publish"}',
    "ref_too_long": orjson.dumps({"type": "publish", "body": 1, "ref": "x" * 65}),
    "ref_of_another_kind": b'{"type":"publish","body":"x","ref":1}',
    "nan": b'{"type":"publish","body":NaN}',
    "infinite": b'{"type":"publish","body":1e400}',
    "beyond_2_53": b'{"type":"publish","body":9007199254740993}',
    "4301_digits": b'{"type":"publish","body":' + b"9" * 1900 + b"}",
    "lone_surrogate": b'{"type":"publish","body":"\\ud800"}',
    "nul": b'{"type":"publish","body":"\\u0000"}',
    "byte_order_mark": b'\xef\xbb\xbf{"type":"ping"}',
    "too_deep": b'{"type":"publish","body":' + b"[" * 33 + b"]" * 33 + b"}",
    "far_too_deep": b"[" * 2000,
    "target_zero": b'{"type":"delete","target":0}',
    "target_beyond": b'{"type":"delete","target":9007199254740993}',
    "boolean_as_text": b'{"type":"react","target":1,"value":"x","on":"yes"}',
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_message_is_an_error_and_no_end(ada: Person, data: bytes) -> None:
    """The client is told, and the next message is heard."""
    with joined(ada) as raw:
        raw.send(client_frame(TEXT, data))
        assert heard(raw, "error")["code"] == "bad_message"
        raw.send(client_frame(TEXT, b'{"type":"ping"}'))
        assert heard(raw, "pong", "closing")["type"] == "pong"


REFUSED = {
    "body_too_big": ({"type": "publish", "body": "x" * 1500, "ref": "big"}, "too_big"),
    "target_that_is_not_there": (
        {"type": "edit", "target": 999, "body": 1, "ref": "e"},
        "not_found",
    ),
    "ref_with_another_body": ({"type": "publish", "body": "other", "ref": "taken"}, "ref_conflict"),
}


@pytest.mark.parametrize(("frame", "code"), REFUSED.values(), ids=REFUSED)
def test_a_refused_command_is_answered_under_its_ref(ada: Person, frame: Fields, code: str) -> None:
    """So that a client with several commands under way knows which."""
    ada.publish("room", "first", ref="taken")
    with joined(ada) as raw:
        raw.send(client_frame(TEXT, orjson.dumps(frame)))
        error = heard(raw, "error")
        assert (error["code"], error["ref"]) == (code, frame["ref"])


def test_nothing_but_errors_is_too_many_errors(ada: Person) -> None:
    """A burst is forgiven; who goes on is cut, and may come back later."""
    with joined(ada) as raw:
        raw.send(client_frame(TEXT, b"?") * 12)
        code, reason, closing = ended(raw)
        assert (code, reason, closing["retry"]) == (1008, "too_many_errors", "later")
        assert closing["retry_after"] > 0


def test_a_flood_of_messages_is_limited_then_cut(serve: Serve) -> None:
    """First each surplus message is refused with the time to wait; then the connection ends."""
    server = serve(publish_rate=1, publish_burst=5, error_rate=0.1, error_burst=3)
    ada = server.person("ada")
    ada.create("room")
    with joined(ada) as raw:
        raw.send(client_frame(TEXT, b'{"type":"publish","body":"x"}') * 12)
        *frames, (_, close) = raw.stream.frames()
        seen = [orjson.loads(payload) for _, payload in frames]
    assert close_of(close) == (1008, "rate_limited")
    errors = [frame for frame in seen if frame["type"] == "error"]
    assert [error["code"] for error in errors] == ["rate_limited"] * 4
    assert all(error["retry_after"] > 0 for error in errors)
    assert seen[-1] == {
        "type": "closing",
        "code": 1008,
        "reason": "rate_limited",
        "retry": "later",
        "retry_after": seen[-1]["retry_after"],
    }
    assert sum(frame["type"] == "message" for frame in seen) <= 5


async def test_a_reader_cannot_publish_and_stays(ada: Person) -> None:
    """Each command that needs a writer is forbidden; what a reader may do still works."""
    ada.publish("room", "to read")
    reader = ada.server.person("reader")
    ada.call("PUT", "/items/room/members/reader", json={"role": "reader"}).raise_for_status()
    async with reader.room("room") as talk:
        await talk.get("live")
        assert talk.welcome["you"]["role"] == "reader"
        for command in (
            {"type_": "publish", "body": "x"},
            {"type_": "edit", "target": 2, "body": "x"},
            {"type_": "delete", "target": 2},
            {"type_": "react", "target": 2, "value": "x", "on": True},
            {"type_": "signal", "name": "typing"},
        ):
            await talk.send(**command)
            assert (await talk.get("error"))["code"] == "forbidden"
        await talk.send("ping")
        await talk.get("pong")
    log = ada.call("GET", "/items/room/log", params={"limit": 500}).json()["entries"]
    assert reader.id not in {entry["by"]["id"] for entry in log}


async def test_an_author_edits_and_others_do_not(ada: Person) -> None:
    """A writer may not touch another's message; an admin may."""
    bob = ada.server.person("bob")
    ada.call("PUT", "/items/room/members/bob", json={"role": "writer"}).raise_for_status()
    hers = ada.publish("room", "hers")["seq"]
    his = bob.publish("room", "his")["seq"]
    async with bob.room("room") as talk:
        await talk.send("edit", target=hers, body="mine now", ref="e")
        assert (await talk.get("ack", "error"))["code"] == "forbidden"
        await talk.send("edit", target=his, body="his own", ref="f")
        assert (await talk.get("ack", "error"))["type"] == "ack"
    assert ada.call("DELETE", f"/items/room/messages/{his}").is_success


# Mostly raw bytes, and pieces that look like frames often enough to get past the first check.
raw_bytes = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.builds(
            lambda opcode, payload, last: client_frame(opcode, payload, last=last),
            st.integers(0, 15),
            st.binary(max_size=140),
            st.booleans(),
        ),
        max_size=6,
    ).map(b"".join),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
keys = st.text(max_size=4)
values = st.one_of(
    scalars, st.lists(scalars, max_size=3), st.dictionaries(keys, scalars, max_size=3)
)
words = st.sampled_from(
    ["publish", "edit", "delete", "react", "signal", "read", "presence", "auth", "ping", "?"]
)
frames_of_words = st.fixed_dictionaries(
    {"type": words},
    optional=dict.fromkeys(("ref", "body", "target", "value", "on", "seq", "token"), values),
)
FUZZ = settings(
    max_examples=100,
    deadline=None,
    # A live server is no place for the thousand runs that find a smaller example.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)


@FUZZ
@given(data=raw_bytes)
def test_no_bytes_bring_the_server_down(ada: Person, data: bytes) -> None:
    """Whatever comes: a code of the contract, or none to who hangs up within a frame."""
    with joined(ada) as raw:
        raw.send(data + client_frame(CLOSE, (1000).to_bytes(2)))
        raw.socket.shutdown(socket.SHUT_WR)
        try:
            code = ended(raw)[0]
        except (EOFError, ConnectionResetError):
            return
        assert code in {1000, 1002, 1003, 1005, 1007, 1008, 1009, *range(3000, 5000)}


@FUZZ
@given(fields=frames_of_words)
def test_no_fields_bring_the_server_down(ada: Person, fields: Fields) -> None:
    """Every command, with values of every kind in every field."""
    try:
        data = orjson.dumps(fields)
    except TypeError:
        data = repr(fields).encode(errors="replace")
    with joined(ada) as raw:
        raw.send(client_frame(TEXT, data[:FRAME_BYTES]))
        raw.send(client_frame(TEXT, b'{"type":"ping"}'))
        assert heard(raw, "pong", "closing")["type"] == "pong"


def test_the_same_message_in_random_fragments_is_one_message(ada: Person) -> None:
    """However a client and TCP cut it."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    text = orjson.dumps({"type": "publish", "ref": f"cut-{seed}", "body": "é" * 200})
    cuts = sorted(dice.sample(range(1, len(text)), 20))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    data = b"".join(
        client_frame(0 if index else TEXT, piece, last=index == len(pieces) - 1)
        + client_frame(9, b"between")
        for index, piece in enumerate(pieces)
    )
    with joined(ada) as raw:
        while data:
            size = dice.randrange(1, 40)
            raw.send(data[:size])
            data = data[size:]
        while True:
            opcode, payload = raw.stream.frame()
            if opcode == TEXT and orjson.loads(payload)["type"] == "ack":
                break
