"""Two people from the first registration to a conversation, in every subprotocol."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import ormsgpack
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.scenarios.handshakes import sign_in
from tests.serving import Fields, LiveServer, Person, Talk

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture(params=["wire", "plain"])
def adapter(request: pytest.FixtureRequest) -> str:
    """The room is the same under our own protocols and under those of any ASGI server."""
    name: str = request.param
    return name


JSON, MSGPACK, PLAIN = "itemroom.v1.json", "itemroom.v1.msgpack", "itemroom.v1.text"


@asynccontextmanager
async def spoken(person: Person, protocol: str, **query: object) -> AsyncIterator[ClientConnection]:
    """A person in the room `order-17`, in a subprotocol."""
    url = person.server.room_url("order-17", token=person.token, **query)
    async with connect(url, proxy=None, subprotocols=[Subprotocol(protocol)]) as socket:
        assert socket.subprotocol == protocol
        yield socket


async def until(socket: ClientConnection, end: str) -> list[str]:
    """Lines up to one that begins like this."""
    lines: list[str] = []
    while not lines or not lines[-1].startswith(end):
        line = await socket.recv()
        assert isinstance(line, str)
        lines.append(line)
    return lines


async def packed(socket: ClientConnection, type_: str) -> Fields:
    """The next MessagePack frame of a type."""
    while True:
        data = await socket.recv()
        assert isinstance(data, bytes)
        fields: Fields = ormsgpack.unpackb(data)
        if fields["type"] == type_:
            return fields


async def test_two_people_meet_and_talk(server: LiveServer) -> None:
    """One by cookie, one by a token in the query: the same entries in the same order."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="writer")
    cookie = {"Cookie": f"itemroom_session={sign_in(server, 'ada')}", "Origin": server.url}
    async with (
        connect(server.room_url("order-17"), proxy=None, additional_headers=cookie) as browser,
        bob.room("order-17") as his,
    ):
        hers = Talk(browser)
        welcome = await hers.get("welcome")
        assert (welcome["you"]["name"], welcome["you"]["role"]) == ("ada", "admin")
        assert (his.welcome["you"]["name"], his.welcome["you"]["role"]) == ("bob", "writer")
        for talk in (hers, his):
            await talk.get("live")  # Whoever comes later is told of a message as it is by then.
        seqs = await converse(hers, his)
        for talk in (hers, his):
            await talk.send("ping")
            assert (await talk.get("pong"))["head"] == seqs[-1]
    log = bob.call("GET", "/items/order-17/log").json()["entries"]
    assert entries(hers) == entries(his)
    assert list(map(as_it_happened, log)) == list(map(as_it_happened, entries(hers)))
    check_messages(bob, seqs)


async def test_program_that_signs_in_by_rest_connects_with_its_cookie(server: LiveServer) -> None:
    """What somebody tries first: the cookie of `POST /auth/login`, and no `Origin`."""
    server.person("ada").create("order-17")
    cookie = {"Cookie": f"itemroom_session={sign_in(server, 'ada')}"}
    url = server.room_url("order-17")
    async with connect(url, proxy=None, additional_headers=cookie) as socket:
        talk = Talk(socket)
        assert (await talk.get("welcome"))["you"]["name"] == "ada"
        assert (await talk.publish("hello"))["type"] == "ack"


async def converse(hers: Talk, his: Talk) -> list[int]:
    """Publish, edit, delete, react; the seqs that the acks told."""
    steps: list[tuple[Talk, str, Fields]] = [
        (hers, "publish", {"body": "Where is my order?"}),
        (his, "publish", {"body": {"text": "On its way", "eta": 3}}),
        (hers, "publish", {"body": "a slip"}),
        (his, "edit", {"target": 3, "body": {"text": "At your door"}}),
        (hers, "delete", {"target": 4}),
        (hers, "react", {"target": 3, "value": "👍", "on": True}),
        (his, "react", {"target": 2, "value": "😀", "on": True}),
        (his, "react", {"target": 2, "value": "😀", "on": False}),
    ]
    seqs = []
    for number, (talk, type_, fields) in enumerate(steps):
        await talk.send(type_, ref=f"s{number}", **fields)
        ack = await talk.get("ack", "error")
        assert (ack["type"], ack["ref"]) == ("ack", f"s{number}")
        seqs.append(ack["seq"])
    assert seqs == list(range(2, 2 + len(steps)))
    return seqs


def entries(talk: Talk) -> list[Fields]:
    """The entries that a client saw, in the order in which it saw them; each once."""
    kinds = ("message", "edit", "delete", "reaction", "member", "item")
    seen = [frame for frame in talk.seen if frame["type"] in kinds]
    assert [entry["seq"] for entry in seen] == list(range(1, len(seen) + 1))
    return seen


def as_it_happened(entry: Fields) -> Fields:
    """Without what a later edit or deletion makes of an entry."""
    return {k: v for k, v in entry.items() if k not in ("body", "edited_seq", "deleted_seq")}


def check_messages(person: Person, seqs: list[int]) -> None:
    """REST shows the state that all of it led to, and where to join."""
    page = person.call("GET", "/items/order-17/messages").json()
    assert (page["head"], page["oldest"]) == (seqs[-1], 1)
    first, second, third = page["messages"]
    assert (first["seq"], first["body"], first["reactions"]) == (2, "Where is my order?", {})
    assert (second["seq"], second["body"], second["edited_seq"]) == (3, {"text": "At your door"}, 5)
    assert list(second["reactions"]) == ["👍"]
    assert (third["seq"], third["deleted_seq"]) == (4, 6)
    assert "body" not in third


async def test_three_subprotocols_share_a_room(server: LiveServer) -> None:
    """What is said in one is heard in the others, in the words of each."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="writer")
    async with AsyncExitStack() as stack:
        talk = await stack.enter_async_context(ada.room("order-17", tail=0))
        plain = await stack.enter_async_context(spoken(bob, PLAIN, tail=0))
        binary = await stack.enter_async_context(spoken(ada, MSGPACK, tail=0))
        await until(plain, "* live")
        assert (await packed(binary, "welcome"))["item"]["id"] == "order-17"
        await packed(binary, "live")
        await plain.send("hello from a terminal")
        await check_heard(talk, binary, "hello from a terminal")
        await until(plain, "bob: hello from a terminal")
        await binary.send(pack("publish", body={"photo": b"\x00\xff"}))
        assert (await packed(binary, "message"))["body"] == {"photo": b"\x00\xff"}
        assert (await talk.get("message"))["body"] == {"photo": {"$bytes": "AP8="}}
        await until(plain, 'ada: {"photo":{"$bytes":"AP8="}}')
        await talk.send("publish", body="line\nbreak")
        await until(plain, "ada: line\N{REPLACEMENT CHARACTER}break")
        await plain.send("x" * 20_000)
        await until(plain, "! too_big: ")


async def check_heard(talk: Talk, binary: ClientConnection, body: object) -> None:
    heard = await talk.get("message")
    assert heard["body"] == body
    assert await packed(binary, "message") == heard


def pack(type_: str, **fields: Any) -> bytes:
    return ormsgpack.packb({"type": type_, **fields})


async def test_a_subprotocol_credential_is_never_echoed(server: LiveServer) -> None:
    """The browser's only way to show a header: the answer names the fixed protocol alone."""
    ada = server.person("ada")
    ada.create("order-17")
    offered = [Subprotocol(JSON), Subprotocol(f"bearer.{ada.token}")]
    async with connect(server.room_url("order-17"), proxy=None, subprotocols=offered) as socket:
        assert (await Talk(socket).get("welcome"))["you"]["id"] == ada.id
        assert socket.response is not None
        assert socket.response.headers["Sec-WebSocket-Protocol"] == JSON
        assert ada.token not in str(socket.response.headers)


async def test_a_client_that_offers_no_subprotocol_gets_json(server: LiveServer) -> None:
    """And no subprotocol in the answer, which it would have to refuse."""
    ada = server.person("ada")
    ada.create("order-17")
    async with ada.room("order-17") as talk:
        assert talk.socket.subprotocol is None
        assert talk.socket.response is not None
        assert "Sec-WebSocket-Protocol" not in talk.socket.response.headers


async def test_a_retried_ref_gives_the_first_seq(server: LiveServer) -> None:
    """Over the socket and over REST, which share the refs of an author."""
    ada = server.person("ada")
    ada.create("order-17")
    async with ada.room("order-17") as talk:
        first = await talk.publish("once", ref="r1")
        again = await talk.publish("once", ref="r1")
        assert again == first | {"duplicate": True}
        response = ada.call("POST", "/items/order-17/messages", json={"ref": "r1", "body": "once"})
        assert (response.status_code, response.json()["seq"]) == (200, first["seq"])
        other = await talk.publish("twice", ref="r1")
        assert (other["code"], other["ref"]) == ("ref_conflict", "r1")
    assert ada.call("GET", "/items/order-17/log").json()["head"] == first["seq"]
