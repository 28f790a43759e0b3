"""Itemroom in another application: its users, its path, its event loop, its way to publish."""

import asyncio
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import api
from api import Caller, Itemroom, Refusal
from api.callers import Who
from itemroom import Room
from tests.conftest import make_settings
from tests.databases import provide
from tests.docs.reading import ROOT, blocks
from tests.docs.test_examples import read_until, running
from tests.embedded.hosts import KNOWN, PATH, Host, by_cookie, hosting
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio

EMBEDDING = (ROOT / "docs" / "embedding.md").read_text()
ADA, BOB = {"Cookie": "desk=a"}, {"Cookie": "desk=b"}
SERVERS = (hosting, LiveServer)  # What makes these tests live: see `tests.conftest`.


@pytest.fixture
def rooms(tmp_path: Path) -> Itemroom:
    """Not running yet."""
    settings = make_settings(tmp_path)
    provide(settings)
    return Itemroom(settings, identify=by_cookie, name="The desk")


@pytest.fixture
def host(rooms: Itemroom) -> Iterator[Host]:
    """The application, running."""
    with hosting(rooms) as host:
        yield host


async def frames(socket: ClientConnection, last: str) -> list[dict[str, Any]]:
    """What comes, up to a type."""
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["type"] != last:
        seen.append(json.loads(await socket.recv()))
    return seen


async def refusal(url: str, headers: dict[str, str] | None = None) -> str:
    """Why a socket was not let in, as its client sees it."""
    try:
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            while True:
                await socket.recv()
    except InvalidStatus as denied:
        return str(json.loads(denied.response.body)["code"])
    except ConnectionClosed as closed:
        return str(closed.rcvd and closed.rcvd.reason)


async def test_users_of_the_host_talk_below_its_path(host: Host) -> None:
    """By the host's cookie alone: nobody has an account or a token of ours."""
    await host.run(host.rooms.put_member("order-17", ("1", "Ada"), "writer"))
    await host.run(host.rooms.put_member("order-17", "2", "reader"))
    url = host.room_url("order-17")
    async with (
        connect(url, additional_headers=ADA, proxy=None) as ada,
        connect(url, additional_headers=BOB, proxy=None) as bob,
    ):
        await frames(ada, "live")
        assert (await frames(bob, "live"))[0]["you"]["role"] == "reader"
        await ada.send(json.dumps({"type": "publish", "ref": "r1", "body": "hello"}))
        heard = (await frames(bob, "message"))[-1]
        assert (heard["by"]["name"], heard["body"]) == ("Ada", "hello")
        stored = await host.run(host.rooms.publish("order-17", {"text": "shipped"}))
        heard = (await frames(bob, "message"))[-1]
        assert (heard["seq"], heard["by"]["name"]) == (stored.seq, "The desk")
        await host.run(host.rooms.remove_member("order-17", "2"))
        with pytest.raises(ConnectionClosed) as closed:
            await frames(bob, "never")
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "removed")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "auth_missing"),
        ({"Cookie": "desk=x"}, "auth_missing"),
        # A cookie of the console's own counts for nothing beside the host's word.
        ({"Cookie": "itemroom_session=x"}, "auth_missing"),
        ({**ADA, "Origin": "https://evil.example"}, "origin_denied"),
        ({**ADA, "Authorization": "Bearer x"}, "auth_invalid"),
        (ADA, "item_not_found"),
    ],
)
async def test_whoever_the_host_does_not_know_is_refused_with_the_reason(
    host: Host, headers: dict[str, str], code: str
) -> None:
    """At the socket by a close that real clients see, and by REST."""
    assert await refusal(host.room_url("order-17"), headers) == code
    path = f"{host.url}/items/order-17/messages"
    answer = httpx2.post(path, json={"body": 1}, headers=headers, trust_env=False)
    assert answer.json()["code"] == code


async def test_host_may_say_what_its_users_may_do(rooms: Itemroom) -> None:
    """Roles by items, as a token's; who may use an item makes it."""
    KNOWN["c"] = Caller("3", "Cy", items={"order-*": "writer", "order-9": "reader"})
    with hosting(rooms) as host:
        for item, status in (("order-1", 201), ("order-9", 403), ("invoice-1", 404)):
            path = f"{host.url}/items/{item}/messages"
            cy = {"Cookie": "desk=c"}
            answer = httpx2.post(path, json={"body": 1}, headers=cy, trust_env=False)
            assert answer.status_code == status, answer.text


async def test_host_that_fails_to_say_who_lets_nobody_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its own failure: told as one of the server's, with an id that the log has too."""
    settings = make_settings(tmp_path)
    provide(settings)

    async def fail(_connection: object) -> Who:
        raise LookupError("the host's database is away")

    with hosting(Itemroom(settings, identify=fail)) as host:
        answer = httpx2.get(f"{host.url}/items", trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert await refusal(host.room_url("order-17")) == "internal"
    assert answer.json()["id"] in caplog.text


@pytest.mark.parametrize("who", [("", "Nobody"), (" 1", None), Caller("a/../b")])
async def test_id_that_no_user_can_have_is_a_failure_of_the_host(
    rooms: Itemroom, who: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not made up, and not cut."""
    monkeypatch.setitem(KNOWN, "a", who)
    with hosting(rooms) as host:
        answer = httpx2.get(f"{host.url}/items", headers=ADA, trust_env=False)
        assert answer.json()["code"] == "internal"


async def test_new_name_is_seen_from_then_on(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user is who their id says, whatever they are called."""
    for name in ("Ada", "Ada L."):
        monkeypatch.setitem(KNOWN, "a", ("1", name))
        me = httpx2.get(f"{host.url}/auth/me", headers=ADA, trust_env=False).json()
        assert me["name"] == name
    before = await host.run(host.rooms.publish("order-17", 1, as_="1", ref="r"))
    again = await host.run(host.rooms.publish("order-17", 1, as_=("1", None), ref="r"))
    assert (again.seq, again.duplicate) == (before.seq, True)


async def test_what_the_host_may_not_store_is_refused_as_anybody_s(host: Host) -> None:
    """With the codes of the contract, as exceptions."""
    for item, body, code in (
        ("no/item", 1, "item_not_found"),
        ("order-17", "x" * 20_000, "too_big"),
        ("order-17", {1, 2}, "bad_message"),
    ):
        with pytest.raises(Refusal) as refused:
            await host.run(host.rooms.publish(item, body))
        assert refused.value.code == code
    with pytest.raises(Refusal, match="no such member"):
        await host.run(host.rooms.remove_member("order-17", "9"))


async def test_without_its_lifespan_each_answer_says_what_is_missing(rooms: Itemroom) -> None:
    """Also to a socket, as far as its server can say it; and to the host's own code."""
    with hosting(rooms, starts=False) as host:
        answer = httpx2.get(f"{host.url}/items", trust_env=False)
        assert answer.status_code == 503
        assert "FastAPI(lifespan=rooms.lifespan)" in answer.json()["detail"]
        with pytest.raises(InvalidStatus) as refused:
            async with connect(host.room_url("order-17"), proxy=None):
                pass
        assert "lifespan" in json.loads(refused.value.response.body)["detail"]
        with pytest.raises(RuntimeError, match="lifespan"):
            await host.run(rooms.publish("order-17", 1))


async def test_socket_of_a_server_that_can_only_close_is_closed(rooms: Itemroom) -> None:
    """Not every server can answer a handshake with a text."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing to be received")

    await rooms({"type": "websocket", "extensions": {}}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1011, "reason": "internal"}]


async def test_served_by_itself_it_is_the_whole_server(rooms: Itemroom) -> None:
    """An ASGI application like another: with the lifespan of its server."""
    sent: list[str] = []
    said = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(said)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await rooms({"type": "lifespan", "app": None, "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_python_client_takes_the_address_with_its_path(host: Host) -> None:
    """The same client as for a server of its own."""
    await host.run(host.rooms.put_member("order-17", ("1", "Ada"), "writer"))
    me = httpx2.get(f"{host.url}/auth/me", headers=ADA, trust_env=False).json()
    assert me["username"] == "ext:1"
    ticket = httpx2.post(f"{host.url}/items/order-17/tickets", headers=ADA, trust_env=False).json()
    async with Room(host.url, item="order-17", ticket=ticket["ticket"]) as room:
        await room.publish("by a ticket")
    page = httpx2.get(f"{host.url}/items/order-17/messages", headers=ADA, trust_env=False)
    assert page.json()["messages"][-1]["body"] == "by a ticket"


async def test_no_token_is_in_any_log_of_the_host_s_server(
    host: Host, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its access log writes addresses with their queries."""
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "propagate", True)
    caplog.set_level(logging.DEBUG)
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2VjcmV0c2VjcmV0c2VjcmV0"
    httpx2.get(f"{host.url}/items?token={token}", trust_env=False)
    assert await refusal(host.room_url("order-17", token=token)) == "auth_invalid"
    assert f"{PATH}/items" in caplog.text
    assert token not in caplog.text


def test_package_has_what_applications_import_and_nothing_else() -> None:
    """Loaded when it is asked for."""
    assert api.Caller is Caller
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        api.Nothing  # noqa: B018 - that it raises is the point


async def test_lifespan_can_be_entered_in_another(rooms: Itemroom) -> None:
    """By a host that has one of its own; it may come again."""
    for number in range(2):
        async with rooms.lifespan():
            stored = await rooms.publish("order-17", "hello", ref=str(number))
            assert stored.seq == number + 1
    await asyncio.sleep(0)


@pytest.mark.sqlite  # As it stands, it has a file.
async def test_application_of_the_document_works_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its cookie, at its path, with what it publishes."""
    (tmp_path / "shop.py").write_text(blocks(EMBEDDING, "python", "shop.py")[0])
    uvicorn = (sys.executable, "-m", "uvicorn", "shop:app", "--port", "0")
    with running(*uvicorn, stderr=subprocess.STDOUT, folder=tmp_path) as shop:
        found = re.search(r"http://127\.0\.0\.1:\d+", read_until(shop, "running on"))
        assert found is not None
        with httpx2.Client(base_url=found[0], cookies={"user": "ada"}, trust_env=False) as ada:
            for _ in range(2):
                assert ada.post("/orders/order-17/ship").status_code == 200
            (told,) = ada.get("/rooms/items/order-17/messages").json()["messages"]
        assert (told["by"]["name"], told["body"]["text"]) == (
            "Itemroom",
            "Your order is on its way.",
        )
