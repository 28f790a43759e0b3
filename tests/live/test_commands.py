"""What each frame of a client does, and what becomes of one that errs."""

from typing import Any

import orjson
import ormsgpack
import pytest

from api.live.codecs import CODECS
from tests.live.fakes import Fields
from tests.live.test_client_frames import INVALID
from tests.live.world import World, settled, until

pytestmark = pytest.mark.anyio
MSGPACK = CODECS["itemroom.v1.msgpack"]
TEXT = CODECS["itemroom.v1.text"]


async def test_each_act_is_acked_and_told_to_all(world: World) -> None:
    """The entry comes before its ack, to the author as to the others."""
    ada, eve = await world.live("ada"), await world.live("eve")
    ada.says("publish", body={"text": "hello"}, ref="p")
    ada.says("edit", target=1, body="hi", ref="e")
    ada.says("react", target=1, value="👍", on=True, ref="r")
    ada.says("react", target=1, value="👍", on=False, ref="s")
    ada.says("delete", target=1, ref="d")
    assert (await ada.answer("d"))["seq"] == 5
    assert await eve.hears_entries(5) == ada.socket.seqs == [1, 2, 3, 4, 5]
    said = [fields for fields in ada.socket.said if fields.get("ref")]
    kinds = ["message", "edit", "reaction", "reaction", "delete"]
    assert sorted(fields["type"] for fields in said) == sorted(kinds + ["ack"] * 5)
    for seq, kind in enumerate(kinds, start=1):
        entry, ack = [fields for fields in said if fields["seq"] == seq]
        assert (entry["type"], ack["type"]) == (kind, "ack")
        assert ack == {"type": "ack", "ref": entry["ref"], "seq": seq, "at": entry["at"]}


async def test_ack_without_a_ref_has_none(world: World) -> None:
    """Nothing that was not sent is answered."""
    ada = await world.live()
    ada.says("publish", body=None)
    assert set(await ada.hears("ack")) == {"type", "seq", "at"}


async def test_retry_is_acked_as_a_duplicate(world: World) -> None:
    """The same ref is the same seq; another body under it a conflict."""
    ada = await world.live()
    for body in ("hello", "hello", "other"):
        ada.says("publish", body=body, ref="p")
    await until(lambda: len(ada.socket.said_of("ack", "error")) == 3)
    first, second, third = ada.socket.said_of("ack", "error")
    assert second == first | {"duplicate": True}
    assert (third["code"], third["ref"]) == ("ref_conflict", "p")
    assert ada.socket.seqs == [1]


async def test_signal_reaches_the_others_only(world: World) -> None:
    """By whom, and with its body; it is stored nowhere."""
    ada, again, bob = await world.live("ada"), await world.live("ada"), await world.live("bob")
    ada.says("signal", name="typing", body={"on": True})
    by = {"id": "u-ada", "name": "Ada"}
    signal = {"type": "signal", "name": "typing", "by": by, "body": {"on": True}}
    assert bob.socket.said_of("signal") == again.socket.said_of("signal") == [signal]
    assert ada.socket.said_of("signal") == []
    await settled(world)
    assert ada.socket.seqs == []


async def test_presence_and_ping_are_answered(world: World) -> None:
    """The full list; and the head, by which a client sees whether it has everything."""
    await world.fill(2)
    ada = await world.live("ada")
    await world.live("bob")
    ada.says("presence")
    listed = ada.socket.said[-1]
    assert listed["count"] == 2
    assert [user["name"] for user in listed["users"]] == ["Ada", "Bob"]
    ada.says("ping")
    assert ada.socket.said[-1] == {"type": "pong", "head": 2}
    await world.fill(1)
    ada.says("ping")
    assert ada.socket.said[-1] == {"type": "pong", "head": 3}


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "publish", "body": 1, "ref": "r"},
        {"type": "edit", "target": 1, "body": 1, "ref": "r"},
        {"type": "delete", "target": 1, "ref": "r"},
        {"type": "react", "target": 1, "value": "+", "on": True, "ref": "r"},
        {"type": "signal", "name": "typing"},
    ],
    ids=lambda fields: fields["type"],
)
async def test_reader_may_only_read(world: World, fields: Fields) -> None:
    """Every act and signal needs a writer; the connection stays."""
    await world.fill(1)
    eve, bob = await world.live("eve"), await world.live("bob")
    eve.sends(orjson.dumps(fields))
    error = await eve.hears("error")
    assert (error["code"], error.get("ref")) == ("forbidden", fields.get("ref"))
    assert bob.socket.said_of("signal", "edit", "delete", "reaction") == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"type": "edit", "target": 1, "body": "mine"}, "forbidden"),
        ({"type": "delete", "target": 1}, "forbidden"),
        ({"type": "delete", "target": 2}, "not_found"),
        ({"type": "edit", "target": 2**53, "body": 1}, "not_found"),
        ({"type": "react", "target": 9, "value": "+", "on": True}, "not_found"),
        ({"type": "publish", "body": "x" * 20_000}, "too_big"),
        ({"type": "edit", "target": 1, "body": [[[[[]]]]]}, "bad_message"),
        ({"type": "publish", "body": "a\0b"}, "bad_message"),
        ({"type": "publish", "body": {"\0": 1}}, "bad_message"),
        ({"type": "publish", "body": 1, "seq": 7}, "bad_message"),
    ],
)
async def test_refused_command_is_an_error_with_its_ref(
    world: World, fields: Fields, code: str
) -> None:
    """Nothing is stored, the connection stays, and the next command counts."""
    await world.fill(1)
    bob = await world.live("bob", max_nesting=4)
    bob.sends(orjson.dumps(fields | {"ref": "r1"}))
    error = await bob.answer("r1")
    assert (error["type"], error["code"]) == ("error", code)
    bob.publishes("next", "r2")
    assert (await bob.answer("r2"))["seq"] == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"ping"',
        b'{"type":"publish","ref":"r","body":9007199254740993}',
        b'{"type":"publish","ref":"r","body":NaN}',
        b'{"type":"publish","ref":"r","body":"\\ud800"}',
        b'{"type":"publish","ref":"r","body":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe",
    ],
)
async def test_frame_that_cannot_be_read_is_an_error(world: World, data: bytes) -> None:
    """Whatever it is, it harms nothing; what could not be read has no ref."""
    ada = await world.live()
    ada.sends(data)
    error = ada.socket.said[-1]
    assert (error["type"], error["code"]) == ("error", "bad_message")
    assert "ref" not in error
    ada.publishes("next", "r2")
    assert (await ada.answer("r2"))["seq"] == 1


async def test_every_invalid_frame_is_an_error_in_msgpack_too(world: World) -> None:
    """The same words, whatever they are packed in."""
    ada = await world.live(codec=MSGPACK, error_rate=0)
    for fields in INVALID:
        if fields == {"type": "edit", "target": 2**64, "body": 1}:
            continue  # MessagePack has no such integer.
        before = len(ada.socket.frames)
        ada.sends(ormsgpack.packb(fields, option=ormsgpack.OPT_NON_STR_KEYS), is_text=False)
        answer = ormsgpack.unpackb(ada.socket.frames[-1].data)
        assert (len(ada.socket.frames), answer["code"]) == (before + 1, "bad_message")


async def test_bytes_travel_between_msgpack_clients(world: World) -> None:
    """As they are; JSON clients see base64, terminals the JSON."""
    ada = await world.live("ada", codec=MSGPACK)
    bob = await world.live("bob", codec=MSGPACK)
    eve, root = await world.live("eve"), await world.live("root", codec=TEXT)
    body = {"image": b"\x00\xff", "n": 1.5}
    ada.sends(ormsgpack.packb({"type": "publish", "body": body, "ref": "r"}), is_text=False)
    shown = {"image": {"$bytes": "AP8="}, "n": 1.5}
    assert (await eve.hears("message"))["body"] == shown
    message = ormsgpack.unpackb(bob.socket.frames[-1].data)
    assert (message["type"], message["body"], message["ref"]) == ("message", body, "r")
    assert root.socket.frames[-1].text == 'Ada: {"image":{"$bytes":"AP8="},"n":1.5}'


async def test_body_that_only_looks_like_bytes_harms_nobody(world: World) -> None:
    """A JSON client must not be able to break those who read MessagePack."""
    ada, bob = await world.live("ada"), await world.live("bob", codec=MSGPACK)
    ada.says("publish", body={"$bytes": "é"}, ref="r")
    assert (await ada.answer("r"))["type"] == "ack"
    assert ormsgpack.unpackb(bob.socket.frames[-1].data)["body"] == {"$bytes": "é"}


async def test_line_typed_in_a_terminal_is_published(world: World) -> None:
    """And shown to everybody; errors are lines as well."""
    ada, bob = await world.live("ada", codec=TEXT), await world.live("bob")
    ada.sends(b"hello\n")
    assert (await bob.hears("message"))["body"] == "hello"
    assert ada.socket.frames[-1].text == "Ada: hello"
    ada.sends(b"\xff")
    assert ada.socket.frames[-1].text == "! bad_message: This is not UTF-8."
    ada.sends(b"x" * 20_000)
    assert ada.socket.frames[-1].text.startswith("! too_big: ")


@pytest.mark.parametrize(("codec", "is_text"), [(None, False), (TEXT, False), (MSGPACK, True)])
async def test_frame_of_the_other_kind_is_the_end(
    world: World,
    codec: Any,
    is_text: bool,  # noqa: FBT001 - a parameter's value
) -> None:
    """1003, and nothing of it was done."""
    ada = await world.live(**({"codec": codec} if codec else {}))
    ada.sends(b'{"type":"publish","body":1}', is_text=is_text)
    assert ada.socket.closed == (1003, "unsupported_frame")
    heard = len(ada.socket.frames)
    ada.sends(b'{"type":"ping"}', is_text=not is_text)
    assert len(ada.socket.frames) == heard, "after the end nothing is answered"


async def test_what_was_taken_is_answered_before_the_close(world: World) -> None:
    """A burst that is too large is cut; whatever of it is stored has its ack, and its entry."""
    ada = await world.live(publish_rate=0.001, publish_burst=100, error_rate=0.001)
    world.news.hold = True
    for number in range(130):
        ada.publishes("x", f"r{number}")
    assert ada.socket.is_deaf
    assert not ada.connection.is_open
    assert ada.socket.closed is None
    await world.on_disk(100)
    world.news.release()
    closing = await ada.is_closed()
    assert (closing["reason"], ada.types[-1]) == ("rate_limited", "closing")
    acked = [ack["ref"] for ack in ada.socket.said_of("ack")]
    assert acked == [f"r{number}" for number in range(100)]
    assert ada.socket.seqs == list(range(1, 101))
    assert len(ada.socket.said_of("error")) == 21


async def test_whose_rights_end_is_answered_and_sees_no_more(world: World) -> None:
    """Acks of what was taken, and none of the entries after the end."""
    ada, bob = await world.live("ada"), await world.live("bob")
    world.news.hold = True
    ada.publishes("taken", "r")
    ada.connection.end("restart")
    ada.connection.end("auth_revoked")
    await world.on_disk(1)
    bob.publishes("after", "s")
    await world.on_disk(2)
    world.news.release()
    assert (await ada.is_closed())["reason"] == "restart"
    assert ada.types[-2:] == ["ack", "closing"]
    assert (await bob.answer("s"))["type"] == "ack"
    assert ada.socket.seqs == []


async def test_disk_that_hangs_keeps_nobody_from_the_close(world: World) -> None:
    """An answer is waited for, but not for ever."""
    ada = await world.live(close_timeout=0.01)
    world.news.hold = True
    ada.publishes("x", "r")
    ada.connection.end("restart")
    assert (await ada.is_closed())["reason"] == "restart"
    assert ada.socket.said_of("ack") == []
    world.news.release()
    await settled(world)
    assert ada.types[-1] == "closing"


async def test_client_lost_before_its_answer_is_told_nothing(world: World) -> None:
    """Neither the answer nor the close: there is nobody."""
    ada = await world.live()
    world.news.hold = True
    ada.publishes("x", "r")
    ada.connection.end("restart")
    ada.connection.lost()
    world.news.release()
    await settled(world)
    assert ada.socket.said_of("ack", "closing") == []
    assert ada.socket.closed is None
