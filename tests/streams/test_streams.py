"""Messages in the making, by real clients of a real server."""

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.conftest import Serve
from tests.operators.test_backend import key
from tests.serving import LiveServer, Person, Talk

pytestmark = pytest.mark.anyio


async def call(person: Person, method: str, path: str, **json: object) -> Any:
    answer = await asyncio.to_thread(
        person.call, method, f"/items/order-17{path}", **({"json": json} if json else {})
    )
    return answer.json()


class Reader:
    """One who puts together what it is told, as a client does."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.texts: dict[int, str] = {}
        self.ends: dict[int, str] = {}
        self.frames: list[dict[str, Any]] = []

    def take(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        match frame["type"]:
            case "message" | "open":
                self.texts[frame["seq"]] = text_of(frame["body"])
            case "append":
                text = self.texts.get(frame["target"])
                assert text is not None
                assert frame["at"] == len(text), (frame, text)
                self.texts[frame["target"]] = text + frame["text"]
            case "finish":
                if "body" in frame:
                    self.texts[frame["target"]] = text_of(frame["body"])
                self.ends[frame["target"]] = frame["state"]

    async def until_end(self, target: int) -> str:
        while target not in self.ends:
            self.take(await self.talk.next())
        return self.texts[target]


def text_of(body: Any) -> str:
    return str(body["text"] if isinstance(body, dict) else body)


@pytest.fixture
def ada(server: LiveServer) -> Person:
    ada = server.person("ada")
    server.person("bob")
    ada.create("order-17", bob="writer")
    return ada


async def start(talk: Talk, body: object, ref: str = "s") -> int:
    await talk.send("start", ref=ref, body=body)
    ack = await talk.get("ack", "error")
    return int(ack["seq"])


async def test_text_grows_for_everybody(server: LiveServer, ada: Person) -> None:
    """One message with one seq; who comes in the middle has it whole."""
    bob = server.person("bob2")
    await call(ada, "PUT", "/members/bob2", role="reader")
    async with ada.room("order-17") as author, bob.room("order-17") as early:
        reader = Reader(early)
        target = await start(author, {"text": "", "model": "m"})
        text = ""
        words = ["Hel", "lo ", "w\N{GRINNING FACE}", "rld", "e\N{COMBINING ACUTE ACCENT}"] * 4
        for word in words:
            await author.send("append", target=target, at=len(text), text=word)
            text += word
        while (answer := await author.get("appended", "error"))["length"] < len(text):
            assert answer["type"] == "appended"
        message = await call(ada, "GET", f"/messages/{target}")
        assert (message["open"], message["length"], message["body"]["text"]) == (
            True,
            len(text),
            text,
        )
        async with bob.room("order-17") as late, bob.room("order-17", after=target) as resumed:
            others = [Reader(late), Reader(resumed)]
            await author.send("append", target=target, at=len(text), text="!")
            await author.get("appended")
            await author.send("finish", ref="f", target=target)
            await author.get("ack")
            for one in (reader, *others):
                assert await one.until_end(target) == text + "!"
                assert one.ends == {target: "done"}
            # Those who have all of it are not given it once more.
            assert all("body" not in one.frames[-1] for one in (reader, *others))
    async with bob.room("order-17", after=target) as away:
        assert await Reader(away).until_end(target) == text + "!"
    message = await call(ada, "GET", f"/messages/{target}")
    assert message["body"] == {"text": text + "!", "model": "m"}
    assert "open" not in message


async def test_text_goes_where_it_ends(server: LiveServer, ada: Person) -> None:
    """What is there is a duplicate, all else is refused with where to go on."""
    path = f"/messages/{(await call(ada, 'POST', '/messages', body='', open=True))['seq']}"
    assert await call(ada, "POST", f"{path}/append", at=0, text="Hello") == {"length": 5}
    again = {"length": 5, "duplicate": True}
    assert await call(ada, "POST", f"{path}/append", at=0, text="Hello") == again
    assert await call(ada, "POST", f"{path}/append", at=3, text="lo") == again
    for at, text in ((0, "Help"), (3, "la, world"), (6, "x"), (4, "x")):
        refused = await call(ada, "POST", f"{path}/append", at=at, text=text)
        assert (refused["code"], refused["length"]) == ("bad_offset", 5)
    async with ada.room("order-17") as talk:
        await talk.get("live")
        await talk.send("append", target=int(path.rsplit("/", maxsplit=1)[-1]), at=9, text="x")
        refused = await talk.get("error")
        assert (refused["code"], refused["length"]) == ("bad_offset", 5)
        assert refused["target"] == int(path.rsplit("/", maxsplit=1)[-1])
        half = r'{"at": 10, "text": "\ud83d"}'
        refused = await asyncio.to_thread(
            ada.call,
            "POST",
            f"/items/order-17{path}/append",
            content=half,
            headers={"Content-Type": "application/json"},
        )
        assert refused.status_code == 422
        await talk.socket.send(r'{"type":"append","target":1,"at":0,"text":"\ud83d"}')
        assert (await talk.get("error"))["code"] == "bad_message"
        await talk.socket.send('{"type":"append","target":1,"at":0,"text":"a\\u0000"}')
        refused = await talk.get("error")
        assert (refused["code"], refused.get("target")) == ("bad_message", 1)
        await talk.socket.send('{"type":"append","target":"1","at":0,"text":"x"}')
        assert "target" not in await talk.get("error")


async def test_only_its_author_writes_it(server: LiveServer, ada: Person) -> None:
    """Nor does anybody once it is finished; nobody edits it before."""
    bob = server.person("cy")
    await call(ada, "PUT", "/members/cy", role="admin")
    path = f"/messages/{(await call(ada, 'POST', '/messages', body='', open=True))['seq']}"
    assert (await call(bob, "POST", f"{path}/append", at=0, text="x"))["code"] == "forbidden"
    assert (await call(bob, "POST", f"{path}/finish", state="done"))["code"] == "forbidden"
    assert (await call(ada, "PATCH", path, body="x"))["code"] == "stream_open"
    await call(ada, "POST", f"{path}/append", at=0, text="Hel")
    end = await call(ada, "POST", f"{path}/finish", ref="f", body="Hello", state="failed")
    again = await call(ada, "POST", f"{path}/finish", ref="f", body="Hello", state="failed")
    assert again == end | {"duplicate": True}
    for what in ("append", "finish", "stop"):
        more: dict[str, object] = {"at": 3, "text": "x"} if what == "append" else {"ref": "n"}
        assert (await call(ada, "POST", f"{path}/{what}", **more))["code"] == "stream_closed"
    assert (await call(ada, "GET", path))["body"] == "Hello"
    assert (await call(ada, "POST", "/messages/99/append", at=0, text="x"))["code"] == "not_found"
    assert (await call(ada, "GET", "/messages/99"))["code"] == "not_found"
    assert (await call(ada, "PATCH", path, body="edited"))["seq"] == end["seq"] + 1
    log = (await call(ada, "GET", "/log?limit=50"))["entries"]
    assert [(one["type"], one.get("body"), one.get("state")) for one in log[-3:]] == [
        ("message", "edited", None),
        ("finish", "edited", "failed"),
        ("edit", "edited", None),
    ]


async def test_deleting_ends_it(server: LiveServer, ada: Person) -> None:
    """Its text is gone from everywhere."""
    path = f"/messages/{(await call(ada, 'POST', '/messages', body='', open=True))['seq']}"
    async with ada.room("order-17") as talk:
        await talk.get("live")
        await call(ada, "POST", f"{path}/append", at=0, text="a secret")
        await talk.get("append")
        await asyncio.to_thread(ada.call, "DELETE", f"/items/order-17{path}")
        await talk.get("delete")
    assert (await call(ada, "POST", f"{path}/append", at=8, text="x"))["code"] == "not_found"
    assert "body" not in await call(ada, "GET", path)
    async with ada.room("order-17", after=0) as talk:
        await talk.get("live")
        assert "a secret" not in str(talk.seen)


async def test_parts_grow_by_themselves(server: LiveServer, ada: Person) -> None:
    """A text, a result of a tool: each with a length of its own."""
    body = {
        "parts": [{"type": "text", "text": ""}, {"type": "call"}, {"type": "text", "text": "a"}]
    }
    path = f"/messages/{(await call(ada, 'POST', '/messages', body=body, open=True))['seq']}"
    async with ada.room("order-17") as talk:
        await talk.get("live")
        assert await call(ada, "POST", f"{path}/append", at=0, text="one", part=0) == {"length": 3}
        assert await call(ada, "POST", f"{path}/append", at=1, text="b", part=2) == {"length": 2}
        told = [await talk.get("append") for _ in range(2)]
        assert [(one["part"], one["at"], one["text"]) for one in told] == [
            (0, 0, "one"),
            (2, 1, "b"),
        ]
    for part in (1, 7, None):
        more = {"at": 0, "text": "x"} | ({} if part is None else {"part": part})
        assert (await call(ada, "POST", f"{path}/append", **more))["code"] == "bad_message"
    await call(ada, "POST", f"{path}/finish", state="done")
    parts = (await call(ada, "GET", path))["body"]["parts"]
    assert [part.get("text") for part in parts] == ["one", None, "ab"]


@pytest.mark.parametrize("body", [1, None, {"model": "m"}, {"parts": [{"text": 1}, 2]}, ["a"]])
async def test_body_without_a_text_does_not_grow(ada: Person, body: object) -> None:
    """It is refused when it is begun."""
    answer = await call(ada, "POST", "/messages", body=body, open=True)
    assert answer["code"] == "bad_message"


async def test_stop_reaches_the_author(server: LiveServer, ada: Person) -> None:
    """On a socket as an entry, by HTTP with the next text; a second one is the first."""
    cy = server.person("cy")
    await call(ada, "PUT", "/members/cy", role="writer")
    async with ada.room("order-17") as talk:
        target = await start(talk, "")
        stop = await call(cy, "POST", f"/messages/{target}/stop", ref="s")
        assert (await talk.get("stop"))["seq"] == stop["seq"]
        for more in ({"ref": "s"}, {"ref": "t"}, {}):
            again = await call(cy, "POST", f"/messages/{target}/stop", **more)
            assert (again["seq"], again["duplicate"]) == (stop["seq"], True)
        grown = await call(ada, "POST", f"/messages/{target}/append", at=0, text="x")
        assert grown == {"length": 1, "stopped": True}
        await talk.send("finish", target=target, state="stopped")
        assert (await talk.get("finish"))["state"] == "stopped"


async def test_refused_text_says_whose_it_is(serve: Serve) -> None:
    """It has no ref: whoever writes several messages knows by the target which has to wait."""
    server = serve(append_rate=0.1, append_burst=1)
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="reader")
    async with ada.room("order-17") as author, bob.room("order-17") as reader:
        target = await start(author, "")
        for text in ("a", "b"):
            await author.send("append", target=target, at=0, text=text)
        refused = await author.get("error")
        assert (refused["code"], refused["target"]) == ("rate_limited", target)
        assert refused["retry_after"] > 0
        await reader.get("live")
        await reader.send("append", target=target, at=0, text="x")
        refused = await reader.get("error")
        assert (refused["code"], refused["target"]) == ("forbidden", target)


async def test_streams_of_an_item_are_bounded(server: LiveServer, ada: Person) -> None:
    """In number and in size."""
    begun = [await call(ada, "POST", "/messages", body="", open=True) for _ in range(16)]
    seq = begun[0]["seq"]
    assert (await call(ada, "POST", "/messages", body="", open=True))["code"] == "busy"
    text, path = "x" * 60_000, f"/messages/{seq}/append"
    for times in range(4):
        grown = await call(ada, "POST", path, at=times * 60_000, text=text)
        assert grown == {"length": (times + 1) * 60_000}
    assert (await call(ada, "POST", path, at=240_000, text=text))["code"] == "too_big"


async def test_terminal_shows_it_when_it_is_finished(server: LiveServer, ada: Person) -> None:
    """A line that grows is none."""
    url = server.room_url("order-17", token=ada.token)
    text = Subprotocol("itemroom.v1.text")
    async with (
        connect(url, proxy=None, subprotocols=[text]) as socket,
        ada.room("order-17") as talk,
    ):
        for state, shown in (("done", ""), ("failed", " (failed)"), ("stopped", " (stopped)")):
            target = await start(talk, "", ref=f"s-{state}")
            await call(ada, "POST", f"/messages/{target}/append", at=0, text="Hello")
            await call(ada, "POST", f"/messages/{target}/stop", ref=state)
            await talk.send("finish", target=target, state=state)
            await talk.get("ack", "error")
            lines = [await socket.recv()]
            while not str(lines[-1]).startswith("ada: "):
                lines.append(await socket.recv())
            assert [line for line in lines if " joined" not in str(line)][-3:] == [
                "* ada is writing",
                f"* ada wants message {target} to end",
                f"ada: Hello{shown}",
            ]


async def test_start_that_is_repeated_is_one_message(ada: Person) -> None:
    """By its ref, also when it has grown since."""
    first = await call(ada, "POST", "/messages", body="", open=True, ref="r")
    await call(ada, "POST", f"/messages/{first['seq']}/append", at=0, text="Hel")
    again = await call(ada, "POST", "/messages", body="", open=True, ref="r")
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)
    other = await call(ada, "POST", "/messages", body="x", open=True, ref="r")
    assert other["code"] == "ref_conflict"


async def test_text_over_http_has_a_rate(serve: Serve) -> None:
    """As on a socket, for a user or a key."""
    server = serve(append_rate=0.01, append_burst=2, append_bytes_rate=0.01, append_bytes_burst=100)
    ada = server.person("ada")
    ada.create("order-17")
    program = key(server, {"order-*": "writer"})
    for person in (ada, program):
        path = f"/messages/{(await call(person, 'POST', '/messages', body='', open=True))['seq']}"
        for at in range(2):
            await call(person, "POST", f"{path}/append", at=at, text="x")
        refused = await call(person, "POST", f"{path}/append", at=2, text="x")
        assert refused["code"] == "rate_limited"


async def test_whoever_resumes_after_its_end_has_the_end_whole(ada: Person) -> None:
    """Not from memory either, where another entry has changed it since."""
    async with ada.room("order-17") as talk:
        target = await start(talk, "")
        await call(ada, "POST", f"/messages/{target}/append", at=0, text="Hello")
        await talk.send("finish", target=target)
        await talk.get("finish")
        async with ada.room("order-17", after=target) as late:
            assert (await late.get("finish"))["body"] == "Hello"
        await asyncio.to_thread(ada.call, "DELETE", f"/items/order-17/messages/{target}")
        async with ada.room("order-17", after=target) as late:
            await late.get("live")
            log = (await call(ada, "GET", "/log?limit=50"))["entries"]
            assert [one.get("body") for one in log if one["type"] == "finish"] == [None]


@pytest.mark.parametrize("error", ['{"n": 1000000000000000000000000000000}', r'{"a": "\u0000"}'])
async def test_error_that_cannot_be_stored_is_refused(ada: Person, error: str) -> None:
    """Before it comes to the writer, where it would take others' messages along."""
    path = f"/messages/{(await call(ada, 'POST', '/messages', body='', open=True))['seq']}"
    answer = await asyncio.to_thread(
        ada.call,
        "POST",
        f"/items/order-17{path}/finish",
        content=f'{{"state": "failed", "error": {error}}}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.json()["code"] == "bad_message"
    assert (await call(ada, "GET", path))["open"] is True
    await call(ada, "POST", f"{path}/finish", state="failed", error={"code": "overloaded"})
    log = (await call(ada, "GET", "/log"))["entries"]
    assert log[-1]["error"] == {"code": "overloaded"}


async def test_last_body_may_be_as_large_as_what_grows(ada: Person) -> None:
    """By a socket as by HTTP."""
    async with ada.room("order-17") as talk:
        target = await start(talk, "")
        await talk.send("finish", target=target, body="x" * 20_000)
        assert (await talk.get("ack", "error"))["type"] == "ack"
