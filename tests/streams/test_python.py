"""Messages in the making, by the Python client and a real server."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from itemroom import Client, Finish, Message, Refused, Room, Stop, pouring
from itemroom.core.bodies import texts_in
from itemroom.core.growing import Growth, Growths
from tests.deadlines import scaled
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
def ada(server: LiveServer) -> Person:
    ada = server.person("ada")
    server.person("bob")
    ada.create("order-17", bob="writer")
    return ada


def room_of(person: Person, **options: Any) -> Room:
    return Room(person.server.url, item="order-17", token=person.token, **options)


async def last_entry(room: Room) -> Finish:
    async with asyncio.timeout(scaled(20)):
        async for entry in room:
            if isinstance(entry, Finish):
                return entry
    raise AssertionError


async def whole(room: Room, seq: int, part: int | None = None) -> list[str]:
    async with asyncio.timeout(scaled(20)):
        return [text async for text in room.text(seq, part)]


async def test_text_grows_for_who_is_there_and_who_comes(ada: Person) -> None:
    """Astral characters and combining marks apart; the end has the whole of it."""
    words = [
        "Hel",
        "lo \N{GRINNING FACE}",
        "e",
        "\N{COMBINING ACUTE ACCENT}",
        "\U0001f468",
        "\u200d",
    ]
    async with room_of(ada) as room, room_of(ada, buffer=0) as author:
        async with author.stream({"text": "", "model": "m"}) as stream:
            reading = asyncio.create_task(whole(room, stream.seq))
            for word in words:
                await stream.append(word)
            await stream.flush()
            assert stream.length == len("".join(words))
            async with room_of(ada) as late:
                lately = asyncio.create_task(whole(late, stream.seq))
                await stream.append("!")
                await stream.flush()
                seq = await stream.finish()
                assert (await lately)[-1] == "".join(words) + "!"
        texts = await reading
        assert texts[-1] == "".join(words) + "!"
        assert all(texts[-1].startswith(text) for text in texts)
        end = await last_entry(room)
        assert (end.seq, end.state) == (seq, "done")
        assert end.body == {"text": texts[-1], "model": "m"}
        # Just now ended, it can still be read; what never grew cannot.
        assert await whole(room, stream.seq) == [texts[-1]]
        with pytest.raises(Refused, match="not_found"):
            await whole(room, await author.publish("hi") - 1)


async def test_exception_fails_the_message(ada: Person) -> None:
    """With its type and what it says, bounded."""
    async with room_of(ada) as room:
        stream = room.stream("")

        async def fail() -> None:
            async with stream:
                await stream.append("as far as")
                raise ValueError("no more \0" + "x" * 1000)

        with pytest.raises(ValueError, match="no more"):
            await fail()
        end = await last_entry(room)
        assert (end.state, end.body, end.target) == ("failed", "as far as", stream.seq)
        assert end.error is not None
        assert end.error["type"] == "ValueError"
        assert len(end.error["message"]) == 500


@pytest.mark.parametrize("asked", [True, False])
async def test_cancellation_stops_only_if_somebody_asked(ada: Person, *, asked: bool) -> None:
    """Else it has failed."""

    async def write(room: Room) -> None:
        async with room.stream({"text": ""}) as stream:
            await stream.append("so far")
            await stream.flush()
            if asked:
                await room.stop(stream.seq)
                await stream.stopped.wait()
            begun.set()
            await asyncio.Event().wait()

    begun = asyncio.Event()
    async with room_of(ada) as room:
        task = asyncio.create_task(write(room))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        end = await last_entry(room)
        assert end.state == ("stopped" if asked else "failed")
        assert end.body == {"text": "so far"}


async def test_relay_ends_when_asked(ada: Person, server: LiveServer) -> None:
    """The iterator is ended as well, wherever it waits."""
    closed = asyncio.Event()

    async def tokens() -> AsyncIterator[str]:
        try:
            yield "one "
            yield "two"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with room_of(ada) as room, room_of(ada) as other:
        relaying = asyncio.create_task(room.relay(tokens(), {"text": ""}))
        async for entry in other:
            if isinstance(entry, Message):
                break
        assert entry.open
        await other.stop(entry.seq)
        assert await relaying == entry.seq
        assert closed.is_set()
        end = await last_entry(other)
        assert (end.state, end.body) == ("stopped", {"text": "one two"})


async def test_relay_of_all_is_done_and_of_a_fault_failed(ada: Person) -> None:
    """Under its ref it is one message."""

    async def tokens(*, fails: bool) -> AsyncIterator[str]:
        yield "all"
        if fails:
            raise OSError("the model is gone")

    async with room_of(ada) as room:
        seq = await room.relay(tokens(fails=False), "", ref="r")
        assert (await last_entry(room)).state == "done"
        with pytest.raises(OSError, match="the model"):
            await room.relay(tokens(fails=True))
        assert (await last_entry(room)).error == {"type": "OSError", "message": "the model is gone"}
        with pytest.raises(Refused, match="stream_closed"):
            assert await room.relay(tokens(fails=False), "", ref="r") == seq


@pytest.mark.parametrize(
    ("again", "body", "state"),
    [("Hello, world", "Hello, world", "done"), ("Help", "Hello", "failed"), ("H", "Hello", "done")],
)
async def test_second_try_under_the_ref_goes_on_if_it_says_the_same(
    ada: Person, again: str, body: str, state: str
) -> None:
    """What is there is not there twice; and what is not the same is refused."""
    async with room_of(ada) as room:
        first = await room.stream("", ref="r").__aenter__()
        await first.append("Hello")
        await first.flush()
    async with room_of(ada, after=0) as room:
        try:
            async with room.stream("", ref="r") as second:
                assert second.seq == first.seq
                await second.append(again)
        except Refused as refused:
            assert (refused.code, refused.length) == ("bad_offset", 5)  # noqa: PT017 - or is not
        end = await last_entry(room)
        assert (end.body, end.state) == (body, state)


async def test_parts_and_a_last_body(ada: Person) -> None:
    """Each part has a length of its own; the last word may be another body."""
    body = {
        "parts": [{"type": "text", "text": ""}, {"type": "call"}, {"type": "text", "text": "a"}]
    }
    async with room_of(ada) as room:
        async with room.stream(body) as stream:
            reading = asyncio.create_task(whole(room, stream.seq, 2))
            await stream.append("b", part=2)
            await stream.append("one", part=0)
            await stream.append("c", part=2)
            with pytest.raises(LookupError):
                await stream.append("x")
            with pytest.raises(ValueError, match="surrogates"):
                await stream.append("\ud83d", part=0)
            with pytest.raises(ValueError, match=r"U\+0000"):
                await stream.append("\0", part=0)
            await stream.flush()
            final = {"parts": [{"text": ""}, {}, {"text": "abc!"}]}
            await stream.finish(body=final)
        assert (await reading)[-1] == "abc!"
        assert (await last_entry(room)).body == final


async def test_stop_is_an_entry(ada: Person) -> None:
    """Like any other."""
    async with room_of(ada) as room:
        async with room.stream("") as stream:
            seq = await room.stop(stream.seq)
        async for entry in room:
            if isinstance(entry, Stop):
                assert (entry.seq, entry.target) == (seq, stream.seq)
                break


def test_relay_without_a_socket(ada: Person) -> None:
    """A call for each text; it ends as it should."""

    def tokens(*, fails: bool = False) -> Iterator[str]:
        yield from ("Hel", "", "lo \N{GRINNING FACE}")
        if fails:
            raise OSError("gone")
        yield "!"

    def stopping() -> Iterator[str]:
        try:
            yield "one"
            client.stop("order-17", client.messages("order-17")["messages"][-1]["seq"])
            yield "two"
            yield "three"
        finally:
            closed.append(True)

    closed: list[bool] = []
    with Client(ada.server.url, token=ada.token) as client:
        seq = client.relay("order-17", tokens(), {"text": ""})["seq"]
        assert client.message("order-17", seq)["body"] == {"text": "Hello \N{GRINNING FACE}!"}
        with pytest.raises(OSError, match="gone"):
            client.relay("order-17", tokens(fails=True))
        client.relay("order-17", stopping())
        ends = [one for one in client.log("order-17") if isinstance(one, Finish)]
        assert [(one.state, one.body) for one in ends] == [
            ("done", {"text": "Hello \N{GRINNING FACE}!"}),
            ("failed", "Hello \N{GRINNING FACE}"),
            ("stopped", "onetwo"),
        ]
        assert closed == [True]


async def test_whoever_resumes_is_told_how_far_it_is(ada: Person) -> None:
    """As an event of its own: it has no place in the log."""
    begun = ada.call("POST", "/items/order-17/messages", json={"body": "Hel", "open": True}).json()
    room, told = room_of(ada, after=begun["seq"]), asyncio.Queue[Any]()
    room.on("open", told.put_nowait)
    async with room, asyncio.timeout(scaled(20)):
        assert (await told.get())["body"] == "Hel"


async def test_stream_that_is_not_begun_has_no_place(ada: Person) -> None:
    """It is begun by `async with`."""
    async with room_of(ada) as room:
        with pytest.raises(RuntimeError, match="async with"):
            _ = room.stream("").seq


class Words:
    """Texts of something that is no generator."""

    def __init__(self, *texts: str) -> None:
        self._texts = iter(texts)

    def __aiter__(self) -> "Words":
        return self

    async def __anext__(self) -> str:
        try:
            return next(self._texts)
        except StopIteration:
            raise StopAsyncIteration from None


async def test_texts_need_not_be_ended(ada: Person) -> None:
    """Any iterator will do, and a text may be empty."""
    async with room_of(ada) as room:
        seq = await room.relay(Words("Hel", "", "lo"))
        assert (await whole(room, seq))[-1] == "Hello"


def test_list_is_stopped_like_any_other(ada: Person) -> None:
    """There is nothing to end."""
    with Client(ada.server.url, token=ada.token) as client:

        class Stopping(list[str]):
            def __iter__(self) -> Iterator[str]:
                client.stop("order-17", 2)
                return super().__iter__()

        begun = client.relay("order-17", Stopping(["a", "b"]))
        assert client.message("order-17", begun["seq"])["body"] == "a"


def test_call_that_may_be_repeated_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the server asks to come back; what it has decided stands."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    answers = iter([Refused("busy", retry="later", retry_after=1), Refused("forbidden")])

    def call() -> None:
        raise next(answers)

    with pytest.raises(Refused, match="forbidden"):
        pouring._patiently(call)


def test_body_without_a_text_has_none_that_grows() -> None:
    """Whatever it is."""
    assert texts_in(5) == texts_in({"parts": 5}) == {}


def test_additions_of_a_lost_connection_are_not_under_way() -> None:
    """They are said again by the next one."""
    growths = Growths()
    growth = Growth(7, "")
    growths.begin(growth)
    growth.add("", None)
    assert growth.waiting == 0
    growth.add("Hel", None)
    (_,), _ = growths.due(0.0, 4096)
    assert growth.is_awaiting
    growths.dropped()
    assert (growth.is_awaiting, growth.waiting) == (False, 3)
