"""What is accepted can be read back, encoded again and sent on, byte for byte."""

import json
import math
from contextlib import suppress
from typing import Any, NoReturn
from uuid import UUID

import orjson
import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Refusal
from api.history.bodies import MAX_INTEGER, decode_json, encode_body, restore_bytes

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | text
bodies = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=15
)
with_bytes = st.recursive(
    scalars | st.binary(max_size=20),
    lambda inner: st.lists(inner) | st.dictionaries(text.filter("$bytes".__ne__), inner),
    max_leaves=15,
)
anything = st.recursive(
    scalars | st.binary(max_size=9) | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9) | st.just("$bytes"), inner),
    max_leaves=15,
)


def encode(value: object, *, max_bytes: int = 16384, max_nesting: int = 32) -> bytes:
    return encode_body(value, max_bytes=max_bytes, max_nesting=max_nesting)


def refused(act: Any, *arguments: object, **limits: int) -> str:
    with pytest.raises(Refusal) as caught:
        act(*arguments, **limits)
    return caught.value.code


@given(bodies)
def test_body_accepted_reads_back_and_encodes_byte_equal(value: object) -> None:
    """An accepted body is the same value and the same bytes however often it goes round."""
    body = encode(value)
    assert decode_json(body) == value
    assert encode(decode_json(body)) == body


@given(with_bytes)
def test_bytes_round_trip_between_json_and_msgpack(value: object) -> None:
    """What a MessagePack client says reaches the next one as it was, through JSON on disk."""
    body = encode(value)
    assert restore_bytes(orjson.loads(body)) == value
    assert ormsgpack.unpackb(ormsgpack.packb(restore_bytes(orjson.loads(body)))) == value


@given(anything)
def test_anything_is_refused_or_can_be_sent_in_every_subprotocol(value: object) -> None:
    """There is no poison pill: a body that was let in breaks nobody's encoder."""
    try:
        body = encode(value)
    except Refusal:
        return
    assert encode(decode_json(body)) == body
    ormsgpack.packb(restore_bytes(orjson.loads(body)))


@given(st.binary(max_size=60) | bodies.map(orjson.dumps).map(lambda text: text[:-1] + b"7"))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    """Decoding raises nothing but a refusal."""
    with suppress(Refusal):
        decode_json(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nan",
        b"NaN",
        b"Infinity",
        b"1e400",
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b"\xff",
        b"\xef\xbb\xbf1",
        b"[" * 10_000 + b"]" * 10_000,
        b"9007199254740993",
        b"-9007199254740993",
        b"\n9007199254740993",
        b'{"a" :\t-9007199254740993}',
        b'["123,", 9007199254740993]',
        b"[1,9007199254740993e0,18446744073709551616]",
        b'{"a":[18446744073709551616]}',
        b"1" * 5000,
        b"1 2",
    ],
)
def test_json_that_cannot_be_passed_on_is_refused(data: bytes) -> None:
    """No NaN, no lone surrogate, no integer that JavaScript would round, no endless depth."""
    assert refused(decode_json, data) == "bad_message"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"9007199254740992", 2**53),
        (b"-9007199254740992", -(2**53)),
        (b'["1234567890123456789012"]', ["1234567890123456789012"]),
        (b'["a:18446744073709551616"]', ["a:18446744073709551616"]),
        (b'{"m1234567890123456789":1}', {"m1234567890123456789": 1}),
        (b"1234567890.1234567890123", 1234567890.1234567890123),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"a":9007199254740992,"a":2}', {"a": 2}),
    ],
)
def test_json_at_the_edge_is_taken(data: bytes, value: object) -> None:
    """Integers up to 2^53, long digits in text and fractions; of a doubled key the last."""
    assert decode_json(data) == value


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        -math.inf,
        2**53 + 1,
        -(2**53) - 1,
        2**64,
        "a\0b",
        "\ud800",
        {"\0": 1},
        {"\udfff": 1},
        {1: 1},
        {"a": [{"b": object()}]},
        {1, 2},
        (1, 2),
        UUID(int=1),
    ],
)
def test_value_that_cannot_be_passed_on_is_refused(value: object) -> None:
    """MessagePack can say more than JSON clients could be told."""
    assert refused(encode, value) == "bad_message"
    assert refused(encode, [value]) == "bad_message"


def test_nesting_beyond_the_limit_is_refused() -> None:
    """Lists and objects count alike; a scalar inside the deepest one does not."""
    assert encode([{"a": [1]}], max_nesting=3) == b'[{"a":[1]}]'
    assert refused(encode, [{"a": [[1]]}], max_nesting=3) == "bad_message"
    assert encode(1, max_nesting=0) == b"1"


def test_body_beyond_the_limit_is_too_big_in_bytes() -> None:
    """Bytes of UTF-8 count, not characters."""
    assert encode("é" * 4, max_bytes=10) == '"éééé"'.encode()
    assert refused(encode, "é" * 4 + "a", max_bytes=10) == "too_big"


def test_body_of_many_parts_is_too_big_before_they_are_looked_at() -> None:
    """A frame of MessagePack can hold 65,000 of them: 60 ms in which nobody else is served."""

    class Parts(list[object]):
        def __iter__(self) -> NoReturn:
            raise AssertionError("looked at")

    assert refused(encode, Parts([[]] * 9000)) == "too_big"
    assert refused(encode, {"parts": Parts([1] * 9000)}) == "too_big"


@pytest.mark.parametrize(
    "value",
    [
        {"$bytes": "é"},
        {"$bytes": "not base64!"},
        {"$bytes": "QQ"},
        {"$bytes": 7},
        {"$bytes": "QQ==", "more": 1},
        {"$Bytes": "QQ=="},
    ],
)
def test_json_that_only_looks_like_bytes_stays_what_it_was(value: object) -> None:
    """A JSON client may write this key too, and must not break those who read MessagePack."""
    assert restore_bytes([value]) == [value]


def test_bytes_inside_a_body_are_base64_in_json() -> None:
    """The one form that both kinds of clients know."""
    assert encode({"image": b"\xff"}) == b'{"image":{"$bytes":"/w=="}}'
    assert restore_bytes({"image": {"$bytes": "/w=="}}) == {"image": b"\xff"}


@given(
    st.recursive(st.integers() | text, lambda inner: st.lists(inner) | st.dictionaries(text, inner))
)
def test_integers_beyond_what_javascript_has_are_found_wherever_they_stand(value: object) -> None:
    """Looked for only where a number can begin, and never missed."""
    written = json.dumps(value, ensure_ascii=False).encode()
    try:
        assert decode_json(written) == value
    except Refusal:
        assert _largest(value) > MAX_INTEGER
    else:
        assert _largest(value) <= MAX_INTEGER


def _largest(value: object) -> int:
    if isinstance(value, list | dict):
        parts = value.values() if isinstance(value, dict) else value
        return max(map(_largest, parts), default=0)
    return abs(value) if isinstance(value, int) else 0
