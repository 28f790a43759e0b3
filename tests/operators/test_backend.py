"""What a product's backend does: users, their sockets, and which rooms are live."""

import asyncio
from typing import Any

import httpx2
import pytest

from api.app import OPERATOR_TOKEN_TTL
from api.state import State
from tests.accounts.keyholding import Program, program
from tests.accounts.visitor import bearer
from tests.conftest import Serve
from tests.people import People
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(state: State, client: httpx2.AsyncClient) -> Program:
    """A key that acts for any user."""
    return await program(state, client, acts_for_others=True)


async def put(shop: Program, username: str, **more: Any) -> tuple[int, str, str]:
    """Status, username and name."""
    answer = await shop.call("POST", "/users", json={"username": username, **more})
    shown = answer.json()
    return answer.status_code, shown.get("username", shown.get("code")), shown.get("name", "")


async def test_user_is_made_or_called_otherwise(shop: Program, people: People) -> None:
    """An outside one and a local one, as often as one likes."""
    assert await put(shop, "ext:42") == (201, "ext:42", "42")
    assert await put(shop, "ext:42", display_name="Ada") == (200, "ext:42", "Ada")
    assert await put(shop, "ext:42") == (200, "ext:42", "Ada")
    assert await put(shop, "ext:43", display_name="Bob") == (201, "ext:43", "Bob")
    assert await put(shop, "eve") == (201, "eve", "eve")
    assert await put(shop, " Eve", display_name="E.") == (200, "eve", "E.")
    login = {"username": "eve", "password": ""}
    assert (await people.client.post("/auth/login", json=login)).status_code == 401
    assert len(await people.rows("SELECT key FROM \"user\" WHERE username <> 'key:shop'")) == 3


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("ext:", "bad_request"),
        ("ext:..", "bad_request"),
        ("a b", "bad_request"),
        ("key:shop", "forbidden"),
        ("key:new", "forbidden"),
    ],
)
async def test_user_who_cannot_be_is_refused(shop: Program, username: str, code: str) -> None:
    """Nor is a key's own user any of the product's."""
    assert (await put(shop, username))[1] == code


async def test_only_those_keys_that_act_for_any_user_have_users(
    shop: Program, state: State, people: People
) -> None:
    """No other key, nor somebody for whom one acts, nor a user; but who runs the server."""
    ada = await people.add("ada")
    itself = await program(state, people.client, "itself")
    user = {"username": "ext:1"}
    for path, body in (("/users", user), ("/users/ada/disconnect", None)):
        assert await itself.code("POST", path, json=body) == "forbidden"
        acting = {"Itemroom-As": "ada"}
        assert await shop.code("POST", path, json=body, headers=acting) == "forbidden"
        assert await ada.code("POST", path, json=body) == "forbidden"
        stranger = await people.client.post(path, json=body)
        assert stranger.json()["code"] == "auth_missing"
    token = state.tokens.issue("operator", use="operator", ttl=OPERATOR_TOKEN_TTL).token
    operator = Program(people.client, token)
    assert await operator.code("POST", "/users", json=user) == "ok"
    assert await operator.code("POST", "/users/ext:1/disconnect") == "ok"
    assert await operator.code("POST", "/users/nobody/disconnect") == "not_found"
    assert await operator.do("GET", "/rooms") == {"rooms": [], "next": None}
    assert await ada.code("GET", "/rooms") == "forbidden"
    in_query = await people.client.get("/rooms", params={"token": token})
    assert in_query.json()["code"] == "auth_invalid"


def key(server: LiveServer, items: dict[str, str], **more: object) -> Person:
    """A program with a key of a live server."""
    operator = server.state.tokens.issue("operator", use="operator", ttl=60).token
    wish = {"name": f"shop-{len(items)}", "items": items, **more}
    made = httpx2.post(f"{server.url}/operator/keys", json=wish, headers=bearer(operator))
    return Person(server, "", "", made.json()["key"])


async def test_user_who_is_disconnected_comes_back_with_what_they_have(server: LiveServer) -> None:
    """All their sockets, told so; others' stay."""
    ada, bob = server.person("ada"), server.person("bob")
    shop = key(server, {"*": "admin"}, acts_for_others=True)
    ada.create("order-1", bob="writer")
    ada.create("order-2")
    async with ada.room("order-1") as one, ada.room("order-2") as two, bob.room("order-1") as his:
        for talk in (one, two, his):
            await talk.get("live")
        answer = await asyncio.to_thread(shop.call, "POST", "/users/ada/disconnect")
        assert answer.status_code == 204
        for talk in (one, two):
            code, reason, closing = await talk.closed()
            assert (code, reason, closing["retry"]) == (1008, "disconnected", "after_auth")
        await his.send("ping")
        await his.get("pong")
    async with ada.room("order-1") as again:
        await again.get("live")
        await again.send("ping")
        await again.get("pong")


async def test_live_rooms_are_listed_with_how_many_are_there(serve: Serve) -> None:
    """Within the patterns of the key, in pages; whoever has just gone is not there."""
    server = serve(presence_grace=60)
    ada, bob = server.person("ada"), server.person("bob")
    for item in ("note", "order-1", "order-2", "order-3"):
        ada.create(item, bob="writer")
    shop, every = key(server, {"order-*": "reader"}), key(server, {"*": "reader", "x": "reader"})
    async with ada.room("order-1") as one, ada.room("order-1"), bob.room("order-1"):
        async with ada.room("note"), bob.room("order-3"):
            await one.get("live")
            order_1 = {"item": "order-1", "users": 2, "connections": 3}
            order_3 = {"item": "order-3", "users": 1, "connections": 1}
            note = {"item": "note", "users": 1, "connections": 1}
            await shown(shop, {}, [order_1, order_3], None)
            await shown(every, {}, [note, order_1, order_3], None)
            await shown(every, {"limit": 2}, [note, order_1], "order-1")
            await shown(every, {"limit": 2, "after": "order-1"}, [order_3], None)
            await shown(shop, {"limit": 1}, [], "note")
        await shown(every, {}, [order_1], None)


async def shown(
    who: Person, query: dict[str, object], rooms: list[dict[str, object]], next_: str | None
) -> None:
    """Servers of one database write down who is where a moment later."""
    page: Any = None
    while page != {"rooms": rooms, "next": next_}:
        page = (await asyncio.to_thread(who.call, "GET", "/rooms", params=query)).json()
