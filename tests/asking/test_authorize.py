"""Who comes without a credential of ours, or to an item in which they are nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import api.asking.authorize as asking
from api.asking.authorize import Authorize
from api.asking.product import Product
from api.metrics import Metrics
from api.rights.access import Role, Ruling
from tests.asking.conftest import Ask
from tests.asking.shop import SECRET, Shop
from tests.deadlines import scaled
from tests.embedded.test_embedded import frames, refusal
from tests.operators.test_backend import key
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio
ADA, BOB = {"Cookie": "shop=17"}, {"Cookie": "shop=18"}


@asynccontextmanager
async def room(
    server: LiveServer, headers: dict[str, str], item: str = "order-17", **query: object
) -> AsyncIterator[ClientConnection]:
    """A socket by what the shop knows."""
    url = server.room_url(item, **query)
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        yield socket


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Code and reason of the end."""
    with pytest.raises(ConnectionClosed) as ended:
        await asyncio.wait_for(frames(socket, "never"), scaled(10))
    assert ended.value.rcvd is not None
    return ended.value.rcvd.code, ended.value.rcvd.reason


def call(server: LiveServer, method: str, path: str, **more: Any) -> httpx2.Response:
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        return client.request(method, path, **more)


async def publish(server: LiveServer, headers: dict[str, str], item: str = "order-17") -> Any:
    """What REST answers."""
    path = f"/items/{item}/messages"
    answer = await asyncio.to_thread(
        call, server, "POST", path, json={"body": "hello"}, headers=headers
    )
    return answer.json().get("code", answer.status_code)


async def test_person_of_the_shop_comes_in_by_its_cookie(shop: Shop, authorizing: Ask) -> None:
    """Into an item that never was, as whom the shop says, by socket and by REST."""
    shop.roles = {("17", "order-17"): "writer", ("18", "order-17"): "reader"}
    server = authorizing()
    async with room(server, ADA) as ada, room(server, {"X-Shop": "18"}) as bob:
        welcome = (await frames(ada, "live"))[0]
        assert (welcome["you"]["name"], welcome["you"]["role"]) == ("Ada", "writer")
        assert (await frames(bob, "live"))[0]["you"]["role"] == "reader"
        await ada.send(json.dumps({"type": "publish", "ref": "r", "body": "hello"}))
        heard = (await frames(bob, "message"))[-1]
        assert (heard["by"]["name"], heard["body"]) == ("Ada", "hello")
        await bob.send(json.dumps({"type": "publish", "ref": "r", "body": "hello"}))
        assert (await frames(bob, "error"))[-1]["code"] == "forbidden"
    assert await publish(server, ADA) == 201
    # Remembered: what was asked for the socket serves the call.
    assert shop.asked == [
        {"item": "order-17", "cookies": {"shop": "17"}, "headers": {}},
        {"item": "order-17", "cookies": {}, "headers": {"x-shop": "18"}},
    ]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "auth_missing"),  # Nothing by which the shop could know them: it is not asked.
        ({"Cookie": "other=17"}, "auth_missing"),
        ({"Cookie": "shop=99"}, "auth_missing"),
        (BOB, "item_not_found"),
        (ADA | {"Origin": "https://evil.example"}, "origin_denied"),
        (ADA | {"Authorization": "Bearer x"}, "auth_invalid"),
    ],
)
async def test_whoever_the_shop_does_not_let_in_is_refused(
    shop: Shop, authorizing: Ask, headers: dict[str, str], code: str
) -> None:
    """With the reason that real clients see; another site's page asks nothing."""
    shop.roles = {("17", "order-17"): "writer"}
    server = authorizing()
    assert await refusal(server.room_url("order-17"), headers) == code
    assert await publish(server, headers) == code
    assert len(shop.asked) == (2 if headers in ({"Cookie": "shop=99"}, BOB) else 0)


async def test_one_of_ours_may_be_let_in_by_the_shop(shop: Shop, authorizing: Ask) -> None:
    """By username; a member is not asked about, nor is an item that is gone."""
    server = authorizing()
    cy, dan = server.person("cy"), server.person("dan")
    shop.roles = {("dan", "order-17"): "writer", ("dan", "gone"): "admin"}
    cy.create("order-17")
    async with cy.room("order-17") as own, dan.room("order-17") as talk:
        await own.get("live")
        assert talk.welcome["you"]["role"] == "writer"
        await talk.publish("hello")
        assert (await own.get("message"))["by"]["name"] == "dan"
    (question,) = shop.asked
    assert question == {
        "item": "order-17",
        "user": {"id": question["user"]["id"], "username": "dan", "name": "dan"},
    }

    async def ask(method: str, path: str) -> httpx2.Response:
        return await asyncio.to_thread(dan.call, method, path)

    assert (await ask("GET", "/items/order-17")).json()["role"] == "writer"
    assert (await ask("GET", "/items/elsewhere")).status_code == 404
    # Whom the shop lets in makes the item, as one of its tokens does.
    assert (await ask("GET", "/items/gone")).json()["role"] == "admin"
    assert (await ask("DELETE", "/items/gone")).status_code == 204
    assert (await ask("GET", "/items/gone")).json()["code"] == "item_not_found"


async def test_ticket_of_the_shop_s_person_opens_a_room(shop: Shop, authorizing: Ask) -> None:
    """The shop is asked of the user that the ticket is for."""
    shop.roles = {("17", "order-17"): "writer", ("ext:17", "order-17"): "writer"}
    server = authorizing()
    path = "/items/order-17/tickets"
    ticket = (await asyncio.to_thread(call, server, "POST", path, headers=ADA)).json()["ticket"]
    async with room(server, {}, ticket=ticket) as ada:
        assert (await frames(ada, "live"))[0]["you"]["name"] == "Ada"
    assert await refusal(server.room_url("order-17", ticket=ticket)) == "ticket_used"


async def test_dead_cookie_of_ours_hides_nobody(shop: Shop, authorizing: Ask) -> None:
    """A browser still has it, beside the shop's."""
    shop.roles = {("17", "order-17"): "writer"}
    server = authorizing()
    assert await publish(server, {"Cookie": "itemroom_session=old; shop=17"}) == 201


async def test_service_key_is_not_asked_about(shop: Shop, authorizing: Ask) -> None:
    """What it may do is written in it."""
    server = authorizing()
    desk = key(server, {"order-*": "admin"}, acts_for_others=True)
    headers = {"Authorization": f"Bearer {desk.token}"}
    assert await publish(server, headers, "invoice-1") == "item_not_found"
    assert shop.asked == []


@pytest.mark.parametrize(
    "broken",
    [
        {"down": True},
        {"people": {"17": " "}},
        {"people": {"17": "a\nb"}},
        {"roles": {("17", "order-17"): "owner"}},
        {"ttl": -1},
    ],
)
async def test_shop_that_cannot_be_understood_lets_nobody_in(
    shop: Shop, authorizing: Ask, broken: dict[str, Any]
) -> None:
    """Later perhaps: a failure is no answer, and is not remembered."""
    shop.roles = {("17", "order-17"): "writer"}
    whole = dict(vars(shop))
    vars(shop).update(broken)
    server = authorizing()
    assert await refusal(server.room_url("order-17"), ADA) == "authorize_unavailable"
    assert await publish(server, ADA) == "authorize_unavailable"
    vars(shop).update(whole)
    assert await publish(server, ADA) == 201


async def test_hanging_shop_is_not_waited_for(
    shop: Shop, authorizing: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for longer than a question may take; others are let in meanwhile."""
    server = authorizing()
    cy = server.person("cy")
    cy.create("order-17")
    shop.hang = asyncio.Event()
    refused = asyncio.create_task(refusal(server.room_url("order-17"), ADA))
    async with cy.room("order-17") as talk:
        await talk.get("live")
        assert not refused.done()
    assert await refused == "authorize_unavailable"
    shop.hang.set()


async def test_many_who_ask_the_same_are_one_question(shop: Shop, authorizing: Ask) -> None:
    """As a page that opens ten sockets at once."""
    shop.roles = {("17", "order-17"): "writer"}
    shop.hang = asyncio.Event()
    server = authorizing()
    asked = [asyncio.create_task(publish(server, ADA)) for _ in range(5)]
    while not shop.asked:
        await asyncio.sleep(0.01)
    shop.hang.set()
    assert await asyncio.gather(*asked) == [201] * 5
    assert len(shop.asked) == 1


async def test_socket_goes_on_by_the_next_answer(shop: Shop, authorizing: Ask) -> None:
    """It is asked again before the answer ends; a change of role is told like any other."""
    shop.roles, shop.ttl = {("17", "order-17"): "writer"}, 3
    server = authorizing()
    async with room(server, ADA) as ada:
        await frames(ada, "live")
        await asyncio.wait_for(_asked(shop, 3), scaled(20))
        shop.roles = {("17", "order-17"): "reader"}
        heard = await asyncio.wait_for(frames(ada, "role"), scaled(20))
        assert "auth" not in [frame["type"] for frame in heard], "the client has shown nothing"
        assert heard[-1]["role"] == "reader"
        shop.roles = {}
        assert await closed(ada) == (1008, "removed")


async def test_socket_outlives_a_failure_within_an_answer_s_time(
    shop: Shop, authorizing: Ask
) -> None:
    """Nothing is ended by a no that nobody said, until the yes has ended."""
    shop.roles, shop.ttl = {("17", "order-17"): "writer"}, 4
    server = authorizing()
    async with room(server, ADA) as ada:
        await frames(ada, "live")
        shop.down = True
        await asyncio.wait_for(_asked(shop, 2), scaled(20))
        await ada.send(json.dumps({"type": "publish", "ref": "r", "body": "still here"}))
        await frames(ada, "ack")
        assert await closed(ada) == (1013, "authorize_unavailable")


async def test_person_who_became_another_is_out(shop: Shop, authorizing: Ask) -> None:
    """The cookie of the handshake is somebody else's now: whose socket it is stays."""
    shop.roles, shop.ttl = {("17", "order-17"): "writer", ("18", "order-17"): "writer"}, 3
    server = authorizing()
    async with room(server, ADA) as ada:
        await frames(ada, "live")
        original = shop._rule
        shop._rule = lambda question: original(question | {"cookies": {"shop": "18"}})  # type: ignore[method-assign]
        assert await closed(ada) == (1008, "removed")


async def test_one_of_ours_is_asked_about_again(shop: Shop, authorizing: Ask) -> None:
    """As whoever the shop alone knows; a member's own role stays when the answer ends."""
    shop.roles, shop.ttl = {("dan", "order-17"): "admin"}, 3
    server = authorizing()
    cy, dan = server.person("cy"), server.person("dan")
    cy.create("order-17")
    async with dan.room("order-17") as talk:
        await talk.get("live")
        await asyncio.wait_for(_asked(shop, 2), scaled(20))
        shop.roles = {}
        assert (await talk.closed())[:2] == (1008, "removed")


async def test_newer_token_keeps_what_the_shop_said(shop: Shop, authorizing: Ask) -> None:
    """A credential is renewed as ever; what it may do here is the shop's to say."""
    shop.roles = {("dan", "order-17"): "writer"}
    server = authorizing()
    server.person("cy").create("order-17")
    dan = server.person("dan")
    async with dan.room("order-17") as talk:
        await talk.get("live")
        await talk.send("auth", token=dan.token)
        assert (await talk.get("auth", "error"))["type"] == "auth"
        assert (await talk.publish("hello"))["type"] == "ack"


async def test_disconnecting_forgets_what_was_answered(shop: Shop, authorizing: Ask) -> None:
    """The product ends somebody's sockets: what it said of them before counts no more."""
    shop.roles = {("17", "order-17"): "writer"}
    server = authorizing()
    desk = key(server, {"order-*": "admin"}, acts_for_others=True)
    async with room(server, ADA) as ada:
        await frames(ada, "live")
        shop.roles = {}
        assert await publish(server, ADA) == 201  # As remembered.
        assert desk.call("POST", "/users/ext:17/disconnect").status_code == 204
        assert await closed(ada) == (1008, "disconnected")
    assert await refusal(server.room_url("order-17"), ADA) == "item_not_found"


async def _asked(shop: Shop, times: int) -> None:
    while len(shop.asked) < times:
        await asyncio.sleep(0.02)


async def test_answers_are_remembered_in_bounds(
    shop: Shop, authorizing: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest goes first."""
    monkeypatch.setattr(asking, "MAX_REMEMBERED", 2)
    shop.roles = {("17", f"order-{number}"): "writer" for number in range(3)}
    server = authorizing()
    for number in (0, 1, 2, 2, 1, 0):
        assert await publish(server, ADA, f"order-{number}") == 201
    assert [question["item"] for question in shop.asked] == [
        *("order-0", "order-1", "order-2"),
        "order-0",
    ]


async def test_answer_ends_when_it_says(shop: Shop) -> None:
    """And not a moment later; who leaves while it is asked leaves the others their answer."""
    shop.roles = {("17", "order-17"): "writer"}
    now = 1_000
    product = Product(SECRET, Metrics())
    authorize = Authorize(
        product, shop.receiver.url, cookies=("shop",), headers=(), clock=lambda: now
    )
    question = authorize.question("order-17", {"shop": "17"}, {})
    shop.hang = asyncio.Event()
    impatient = asyncio.create_task(authorize.ask(question))
    patient = asyncio.create_task(authorize.ask(question))
    await _asked(shop, 1)
    impatient.cancel()
    shop.hang.set()
    answer = await patient
    assert answer.ruling == Ruling("order-17", Role.WRITER, 1_000 + asking.MAX_TTL * 1000)
    authorize.remember(question, answer, 0)
    now = answer.ruling.until - 1
    assert authorize.remembered(question) is not None
    now += 1
    assert authorize.remembered(question) is None
    await authorize.close()
    await product.close()


async def test_end_of_the_server_ends_the_asking(shop: Shop) -> None:
    """Whoever still waits hears that."""
    shop.hang = asyncio.Event()
    product = Product(SECRET, Metrics())
    authorize = Authorize(product, shop.receiver.url, cookies=("shop",), headers=())
    question = authorize.question("order-17", {"shop": "17"}, {})
    waiting = asyncio.create_task(authorize.ask(question))
    await _asked(shop, 1)
    await authorize.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await product.close()
    shop.hang.set()
