"""Messages in the making at several servers of one database."""

import asyncio
import time
from collections.abc import Collection, Iterator

import pytest
from pydantic import SecretStr

from api.nodes.hints import Hint, TextGrown, Told, decode, encode
from api.nodes.watch import Watch
from api.settings import Settings
from tests.deadlines import scaled
from tests.nodes.serving import SECRET
from tests.programs.postgresql import Cluster
from tests.serving import Fields, LiveServer, Person, Talk
from tests.streams.test_streams import Reader, call, start

pytestmark = pytest.mark.anyio
Pair = tuple[LiveServer, LiveServer]


@pytest.fixture
def silence() -> float:
    """Seconds until what has no author ends."""
    return 30


@pytest.fixture
def unheard() -> Collection[str]:
    """What servers do not hear of each other, as `Watch` has it."""
    return ()


@pytest.fixture
def pair(
    cluster: Cluster, silence: float, unheard: Collection[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pair]:
    """Two servers."""
    # Before they start, which is when it is said who acts on what is heard.
    for name in unheard:
        monkeypatch.setattr(Watch, name, lambda *_: None)
    settings = Settings(
        database_url=cluster.database(), secret=SecretStr(SECRET), port=0, stream_silence=silence
    )
    with LiveServer(settings) as left, LiveServer(settings) as right:
        yield left, right


@pytest.fixture
def ada(pair: Pair) -> Person:
    ada = pair[0].person("ada")
    pair[0].person("bob")
    ada.create("order-17", bob="writer")
    return ada


def at(server: LiveServer, person: Person) -> Person:
    """The same person, at another server."""
    return Person(server, person.username, person.id, person.token)


async def test_text_reaches_the_rooms_of_others(pair: Pair, ada: Person) -> None:
    """Whole, in its order, and in time; an author goes on at whichever server."""
    _, right = pair
    async with ada.room("order-17") as author, at(right, ada).room("order-17") as talk:
        reader = Reader(talk)
        target = await start(author, {"text": ""})
        text = ""
        for number in range(40):
            word = f"{number} w\N{GRINNING FACE}rd "
            if number % 10 < 7:
                await author.send("append", target=target, at=len(text), text=word)
            else:
                while (await author.get("appended"))["length"] < len(text):
                    pass
                path = f"/messages/{target}/append"
                grown = await call(at(right, ada), "POST", path, at=len(text), text=word)
                assert grown == {"length": len(text) + len(word)}
                await author.send("append", target=target, at=len(text), text=word)  # Once more.
            text += word
            await asyncio.sleep(0.01)
        async with at(right, ada).room("order-17") as late:
            await author.send("finish", target=target)
            for one in (reader, Reader(late)):
                assert await one.until_end(target) == text
    assert {"append", "finish"} <= {frame["type"] for frame in reader.frames}


@pytest.mark.parametrize("unheard", [("text_grown",), ("text_grown", "entries_stored")])
async def test_text_of_which_nobody_tells_is_found(pair: Pair, ada: Person) -> None:
    """No hint is relied on."""
    _, right = pair
    async with ada.room("order-17") as author, at(right, ada).room("order-17") as talk:
        target = await start(author, "")
        await talk.get("message")
        await author.send("append", target=target, at=0, text="Hello")
        assert (await talk.get("append"))["text"] == "Hello"


async def test_many_hints_are_one_read_at_a_time(pair: Pair, ada: Person) -> None:
    """And one more, for what came while it was read."""
    _, right = pair
    async with ada.room("order-17") as author, at(right, ada).room("order-17") as talk:
        target = await start(author, "")
        await talk.get("message")

        def hear() -> None:
            (room,) = right.state.hub.open_rooms()
            watch = right.state.hub.lookout
            assert isinstance(watch, Watch)
            for _ in range(3):
                watch.text_grown(TextGrown(room.item_key))
            watch.text_grown(TextGrown(room.item_key + 1))  # Nobody is there.

        right.state.writer._loop.call_soon_threadsafe(hear)
        await author.send("append", target=target, at=0, text="Hello")
        assert (await talk.get("append"))["text"] == "Hello"


@pytest.mark.parametrize("silence", [2.0])
async def test_author_at_another_server_is_not_gone(pair: Pair, ada: Person) -> None:
    """Nor is one who comes to this one; who stays away is, for all."""
    left, right = pair
    async with at(right, ada).room("order-17") as author:
        # As soon as it is known here that she is there, she may be silent for long.
        while len((await call(ada, "GET", "/presence"))["users"]) != 1:
            await asyncio.sleep(0.05)
        target = await start(author, "")
        await asyncio.sleep(3)
        assert (await call(ada, "GET", f"/messages/{target}"))["open"] is True
    eve = left.person("eve")
    await call(ada, "PUT", "/members/eve", role="reader")
    async with at(right, eve).room("order-17") as talk, asyncio.timeout(scaled(20)):
        reader = Reader(talk)
        await reader.until_end(target)
        assert reader.ends == {target: "interrupted"}


async def test_lone_server_has_nobody_elsewhere(cluster: Cluster) -> None:
    """It does not ask."""
    settings = Settings(
        database_url=cluster.database(), secret=SecretStr(SECRET), port=0, stream_silence=1
    )
    with LiveServer(settings) as server:
        ada, eve = server.person("ada"), server.person("eve")
        ada.create("order-17", eve="reader")
        async with eve.room("order-17") as talk, asyncio.timeout(scaled(20)):
            target = (await call(ada, "POST", "/messages", body="", open=True))["seq"]
            reader = Reader(talk)
            await reader.until_end(target)
            assert reader.ends == {target: "interrupted"}


def test_hint_of_text_has_no_text() -> None:
    """What there is the database says."""
    hint: Hint = TextGrown(7)
    assert decode(encode(hint, "boot", bodies=True)) == Told("boot", hint)


async def stop_of(author: Talk, target: int) -> Fields:
    """The wish that this message ends; those of others were said before."""
    while (stop := await author.get("stop"))["target"] != target:
        pass
    return stop


@pytest.mark.parametrize("unheard", [(), ("entries_stored",)])
@pytest.mark.parametrize("tries", [2, pytest.param(50, marks=pytest.mark.torture)])
async def test_stop_reaches_an_author_at_another_server(
    pair: Pair, ada: Person, tries: int, unheard: Collection[str]
) -> None:
    """Soon, by hints or without; also one who comes only when it was said."""
    took = []
    _, right = pair
    for number in range(tries):
        async with at(right, ada).room("order-17") as author:
            target = await start(author, "", ref=f"s{number}")
            began = time.perf_counter()
            stop = await call(ada, "POST", f"/messages/{target}/stop")
            assert (await stop_of(author, target))["seq"] == stop["seq"]
            took.append(time.perf_counter() - began)
        async with at(right, ada).room("order-17", after=target) as author:
            await stop_of(author, target)
            await author.send("finish", target=target, state="stopped", ref=f"f{number}")
            assert (await author.get("ack", "error"))["type"] == "ack"
    took.sort()
    print(f"{unheard=}: median {took[len(took) // 2]:.3f} s, at most {took[-1]:.3f} s")
