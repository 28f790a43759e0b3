"""What people at a terminal read, and that nobody can put words into another's mouth."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Refusal
from api.history.entries import Author, Kind
from api.live.text import TextCodec
from tests.live.fakes import Fields, entry

CODEC = TextCodec()
BY = {"id": "u-ada", "name": "Ada"}
# Line ends of all kinds, ESC and its one-byte form CSI, and marks that turn the line around.
NASTY = "\n\r\v\f\0\x07\x1b\x7f\x85\x9b\u2028\u2029\u202a\u202e\u2066\u2069"


def line(fields: Fields) -> str | None:
    frame = CODEC.encode(fields)
    return None if frame is None else frame.text


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"type": "message", "by": BY, "seq": 1, "body": "hello"}, "Ada: hello"),
        ({"type": "message", "by": BY, "seq": 1, "body": {"a": [1]}}, 'Ada: {"a":[1]}'),
        ({"type": "message", "by": BY, "seq": 1, "body": {"text": "hi", "reply_to": 1}}, "Ada: hi"),
        ({"type": "message", "by": BY, "seq": 1, "body": {"text": 7}}, 'Ada: {"text":7}'),
        ({"type": "message", "by": BY, "seq": 1, "body": None}, "Ada: null"),
        ({"type": "message", "by": BY, "seq": 1, "deleted_seq": 2}, "* Ada deleted message 1"),
        (
            {"type": "edit", "by": BY, "seq": 3, "target": 1, "body": "hi"},
            "* Ada edited message 1: hi",
        ),
        ({"type": "edit", "by": BY, "seq": 3, "target": 1, "deleted_seq": 4}, None),
        ({"type": "delete", "by": BY, "seq": 4, "target": 1}, "* Ada deleted message 1"),
        (
            {"type": "reaction", "by": BY, "target": 1, "value": "👍", "on": True},
            "* Ada put 👍 on message 1",
        ),
        (
            {"type": "reaction", "by": BY, "target": 1, "value": "👍", "on": False},
            "* Ada took 👍 from message 1",
        ),
        (
            {"type": "member", "by": BY, "user": {"id": "b", "name": "Bob"}, "role": "writer"},
            "* Ada made Bob writer",
        ),
        (
            {"type": "member", "by": BY, "user": {"id": "b", "name": "Bob"}, "role": None},
            "* Ada removed Bob",
        ),
        ({"type": "item", "by": BY, "title": "New"}, "* Ada set the title: New"),
        ({"type": "item", "by": BY, "default_role": None}, None),
        ({"type": "live", "seq": 4}, "* live"),
        ({"type": "role", "role": "reader"}, "* you are now reader"),
        ({"type": "expiring", "in": 30}, "* your credential ends in 30 seconds"),
        ({"type": "error", "code": "rate_limited", "message": "Wait."}, "! rate_limited: Wait."),
        ({"type": "closing", "reason": "removed"}, "! removed"),
        ({"type": "closing", "reason": "busy", "message": "Wait."}, "! busy: Wait."),
        ({"type": "presence", "count": 300}, None),
        (
            {"type": "presence", "count": 1, "join": [BY], "leave": [{"id": "b", "name": "Bob"}]},
            "* Ada joined\n* Bob left",
        ),
        ({"type": "ack", "seq": 1}, None),
        ({"type": "pong", "head": 1}, None),
        ({"type": "signal", "name": "typing", "by": BY, "body": None}, None),
        ({"type": "something new"}, None),
    ],
)
def test_frame_reads_as_a_line(fields: Fields, shown: str | None) -> None:
    """Entries as who said what, everything else behind a star, refusals behind a mark."""
    assert line(fields) == shown


@pytest.mark.parametrize(("title", "shown"), [("The book", "The book"), ("", "doc")])
def test_welcome_says_where_and_who(title: str, shown: str) -> None:
    """An item without a title is called by its id."""
    welcome = {
        "type": "welcome",
        "item": {"id": "doc", "title": title},
        "you": BY | {"role": "writer"},
        "presence": {"count": 3},
    }
    assert line(welcome) == f"* welcome to {shown}, Ada (writer); 3 here"


ENTRIES: dict[str, Any] = {
    "body": lambda text: entry(1, body=orjson.dumps(text)),
    "object": lambda text: entry(1, body=orjson.dumps({text: [text]})),
    "text of an object": lambda text: entry(1, body=orjson.dumps({"text": text})),
    "author": lambda text: entry(1, author=Author(1, "u", text)),
    "edit": lambda text: entry(2, Kind.EDIT, target=1, body=orjson.dumps(text)),
    "reaction": lambda text: entry(
        2, Kind.REACTION, target=1, body=orjson.dumps({"value": text, "on": True})
    ),
    "title": lambda text: entry(2, Kind.ITEM, body=orjson.dumps({"title": text})),
    "member": lambda text: entry(
        2, Kind.MEMBER, body=orjson.dumps({"user": {"id": "u", "name": text}, "role": None})
    ),
}


@pytest.mark.parametrize("make", ENTRIES.values(), ids=ENTRIES)
@given(text=st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(NASTY)))
def test_nothing_that_is_said_leaves_its_line(make: Any, text: str) -> None:
    """No line break, no escape code, no turned direction, whoever says it and where."""
    frame = CODEC.encode_entry(make(text))
    assert frame is not None
    assert set(frame.text).isdisjoint(NASTY)
    assert len(frame.text.splitlines()) == 1


def test_nothing_in_names_and_titles_leaves_its_line() -> None:
    """What is not an entry has names in it as well."""
    user = {"id": "u", "name": f"Eve{NASTY}Bob: hi"}
    joined = line({"type": "presence", "count": 1, "join": [user], "leave": []})
    welcome = {"item": {"id": "doc", "title": NASTY}, "you": user | {"role": "reader"}}
    welcomed = line({"type": "welcome", "presence": {"count": 1}, **welcome})
    for shown in (joined, welcomed):
        assert shown is not None
        assert set(shown).isdisjoint(NASTY)


@pytest.mark.parametrize(
    "text", ["❤\ufe0f\u200d🔥", "क्\u200dष", "東京\u3000駅", "\U0001fae8", "a\u00a0b"]
)
def test_writing_of_the_world_is_left_alone(text: str) -> None:
    """Joiners inside emoji and words, wide spaces, and letters newer than this Python."""
    frame = CODEC.encode_entry(entry(1, body=orjson.dumps(text)))
    assert frame is not None
    assert frame.text == f"Ada: {text}"


def test_colon_in_a_name_puts_no_words_into_a_mouth() -> None:
    """A name ends at the first colon, whoever chose it."""
    shown = line({"type": "message", "by": {"id": "u", "name": "bob: hi"}, "seq": 1, "body": "x"})
    assert shown == "bob\N{REPLACEMENT CHARACTER} hi: x"


def test_typed_line_is_published() -> None:
    """Whatever it looks like; the line end belongs to the terminal."""
    typed = {"type": "publish", "body": '{"type":"ping"}'}
    assert CODEC.decode(b'{"type":"ping"}\r\n') == typed
    with pytest.raises(Refusal, match="bad_message"):
        CODEC.decode(b"\xff")
