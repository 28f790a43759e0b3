"""Service keys that act for others: who they may act for, as what, and how it is marked."""

import asyncio
from functools import partial
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from api.accounts.keys import revoke_key
from api.accounts.users import disable_user
from api.rights.access import clock_ms
from api.settings import Settings
from api.state import State
from tests.accounts.keyholding import Program, program
from tests.accounts.visitor import Visitor, bearer, problem_of
from tests.people import People
from tests.scenarios.server_side import write
from tests.serving import LiveServer, Person, Talk

pytestmark = pytest.mark.anyio
AS = "Itemroom-As"


def acting(shop: Program, username: str | bytes) -> dict[str, Any]:
    """What a request of a key has that acts for somebody."""
    name = username if isinstance(username, bytes) else username.encode()
    return {"headers": [*bearer(shop.key).items(), (AS, name)]}


async def code(shop: Program, username: str | bytes, path: str = "/auth/me", **more: Any) -> str:
    """What a call for somebody is answered; `ok` when it is not refused."""
    method = more.pop("method", "GET")
    answer = await shop.client.request(method, path, **acting(shop, username), **more)
    return "ok" if answer.is_success else str(answer.json()["code"])


@pytest.fixture
async def shop(state: State, client: httpx2.AsyncClient) -> Program:
    """A key that acts for others, and an item of its own."""
    shop = await program(state, client, items="order-*=admin", acts_for_others=True)
    await shop.do("POST", "/items", json={"id": "order-17"})
    return shop


async def test_every_act_for_another_says_by_which_key(shop: Program, people: People) -> None:
    """All kinds of entries; what the key does as itself, and what she does, says nothing."""
    ada = await people.add("ada")
    hers = "/items/order-18"
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/items", {"id": "order-18"}),
        ("POST", f"{hers}/messages", {"body": "for her", "ref": "1"}),
        ("PATCH", f"{hers}/messages/1", {"body": "again"}),
        ("PUT", f"{hers}/messages/1/reactions/x", None),
        ("PUT", f"{hers}/members/ext:7", {"role": "reader"}),
        ("PATCH", hers, {"title": "Hers"}),
        ("DELETE", f"{hers}/messages/1", None),
    ]
    for method, path, body in calls:
        assert await code(shop, "ada", path, method=method, json=body) == "ok"
    await ada.do("POST", f"{hers}/messages", json={"body": "herself"})
    await shop.do("POST", f"{hers}/messages", json={"body": "itself"})
    entries = (await ada.do("GET", f"{hers}/log"))["entries"]
    assert [(one["type"], one["by"]["name"], one.get("via")) for one in entries] == [
        ("message", "Ada", "shop"),
        ("edit", "Ada", "shop"),
        ("reaction", "Ada", "shop"),
        ("member", "Ada", "shop"),
        ("item", "Ada", "shop"),
        ("delete", "Ada", "shop"),
        ("message", "Ada", None),
        ("message", "shop", None),
    ]
    messages = (await ada.do("GET", f"{hers}/messages"))["messages"]
    assert [one.get("via") for one in messages] == ["shop", None, None]
    repeated = {"body": "for her", "ref": "2"}
    first = await ada.do("POST", f"{hers}/messages", json=repeated)
    answer = await shop.client.post(f"{hers}/messages", json=repeated, **acting(shop, "ada"))
    assert answer.json() == first | {"duplicate": True}


async def test_outside_user_is_made_when_they_are_absent(shop: Program, people: People) -> None:
    """Of the issuer that there is; once, and only by a key that may act for them."""
    publish: dict[str, Any] = {
        "method": "POST",
        "path": "/items/order-17/messages",
        "json": {"body": "hi"},
    }
    names = ["ext:42", "ext:42", "ext:Zoë/1"]
    for name in names:
        assert await code(shop, name, **publish) == "ok"
    entries = (await shop.do("GET", "/items/order-17/log"))["entries"]
    assert [one["by"]["name"] for one in entries] == ["42", "42", "Zoë/1"]
    users = "SELECT username, issuer FROM \"user\" WHERE username LIKE 'ext:%' ORDER BY key"
    issuer = "https://product.example"
    assert await people.rows(users) == [("ext:42", issuer), ("ext:Zoë/1", issuer)]
    for name in ("ext:", "ext:..", "ext:a b\x85c", "bob", ""):
        assert await code(shop, name) == "not_found"
    itself = await program(people.state, people.client, "itself", acts_for_others=False)
    assert await code(itself, "ext:43") == "forbidden"
    await people.change("UPDATE service_key SET expires_at = ?", clock_ms() - 1)
    assert await code(shop, "ext:43") == "auth_expired"
    assert len(await people.rows(users)) == 2


async def test_outside_user_is_made_without_an_issuer(
    settings: Settings, state: State, people: People
) -> None:
    """A product whose browsers come by tickets alone has none."""
    state.settings = settings.model_copy(update={"issuer": None})
    shop = await program(state, people.client, acts_for_others=True)
    assert await code(shop, "ext:42") == "ok"
    users = "SELECT username, issuer FROM \"user\" WHERE username LIKE 'ext:%'"
    assert await people.rows(users) == [("ext:42", None)]


async def test_key_may_do_what_they_may_within_its_patterns(
    shop: Program, state: State, people: People
) -> None:
    """Members as their role says, whoever is nothing there as a writer, and never more than it."""
    admin = await people.add("ada")
    for name in ("eve", "tom"):
        await people.add(name)
    await shop.do("PUT", "/items/order-17/members/ada", json={"role": "admin"})
    await shop.do("PUT", "/items/order-17/members/eve", json={"role": "reader"})
    await admin.do("POST", "/items", json={"id": "note"})
    reading = await program(state, people.client, "log", "*=reader", acts_for_others=True)

    async def role(key: Program, name: str, item: str = "order-17") -> str:
        answer = await key.client.get(f"/items/{item}", **acting(key, name))
        return str(answer.json().get("role", answer.json().get("code")))

    roles = {name: await role(shop, name) for name in ("ada", "eve", "tom")}
    assert roles == {"ada": "admin", "eve": "reader", "tom": "writer"}
    assert [await role(reading, name) for name in roles] == ["reader"] * 3
    assert await role(shop, "ada", "note") == "item_not_found"
    assert await code(shop, "eve", "/items/order-17/messages", method="POST", json={"body": 1}) == (
        "forbidden"
    )
    assert await code(shop, "tom", "/items/order-17", method="DELETE") == "forbidden"


async def test_key_acts_for_nobody_that_it_may_not(
    shop: Program, state: State, people: People
) -> None:
    """Another key, or somebody who is disabled."""
    await program(state, people.client, "other")
    await people.add("ada")
    await state.writer.call(partial(disable_user, username="ada"))
    assert await code(shop, "key:other") == "forbidden"
    assert await code(shop, "KEY:other") == "not_found"
    assert await code(shop, "ada") == "forbidden"


async def test_nothing_but_a_key_acts_for_others(
    shop: Program, people: People, ada: Visitor
) -> None:
    """No cookie, no token, no ticket; and nobody acts for two."""
    bob = await people.add("bob")
    await shop.do("POST", "/items/order-17/tickets")
    for request in (
        {"headers": {AS: "bob"}},
        {"headers": {AS: "bob"} | bearer(bob.token)},
        {"headers": {AS: "bob"}, "params": {"ticket": "x"}},
    ):
        assert problem_of(await ada.me(**request)) == (403, "forbidden")
    two = [*acting(shop, "bob")["headers"], (AS, b"ada")]
    assert problem_of(await shop.client.get("/auth/me", headers=two)) == (400, "auth_ambiguous")
    assert await code(shop, b"\xff") == "malformed"
    assert (await ada.me()).status_code == 200


@pytest.mark.parametrize("end", ["revoked", "removed", "disabled", "renewed"])
async def test_sockets_of_others_by_a_key_end_with_it(serve: Any, end: str) -> None:
    """Opened with the header or by a ticket: with the key, or with what they are there."""
    server: LiveServer = serve()
    key = make_key(server)
    shop = Person(server, "key:shop", "", key)
    ada = server.person("ada")
    shop.create("order-1", ada="writer")
    headers = bearer(key) | {AS: "ada"}
    async with httpx2.AsyncClient(base_url=server.url, headers=headers) as backend:
        ticket = (await backend.post("/items/order-1/tickets")).json()["ticket"]
    header, by_ticket = server.room_url("order-1"), server.room_url("order-1", ticket=ticket)
    async with (
        connect(header, proxy=None, additional_headers=headers) as one,
        connect(by_ticket, proxy=None) as other,
        ada.room("order-1") as own,
        shop.room("order-1") as its,
    ):
        talks = Talk(one), Talk(other)
        for talk in talks:
            you = (await talk.get("welcome"))["you"]
            assert (you["name"], you["role"]) == ("ada", "writer")
            await talk.publish("x", ref=f"{talks.index(talk)}")
            assert [frame["via"] for frame in talk.seen if frame["type"] == "message"][-1] == "shop"
        if end == "renewed":
            # She may not take over what a key has opened: it would go on after the key's end.
            await talks[0].send("auth", token=ada.token)
            assert (await talks[0].get("error"))["code"] == "forbidden"
        if end == "removed":
            await asyncio.to_thread(shop.call, "DELETE", "/items/order-1/members/ada")
        else:
            act = partial(disable_user, username="key:shop")
            act = act if end == "disabled" else partial(revoke_key, name="shop")
            await asyncio.to_thread(write, server, act)
        reason = "removed" if end == "removed" else "auth_revoked"
        for talk in talks:
            assert (await talk.closed())[:2] == (1008, reason)
        goes_on = its if end == "removed" else own
        await goes_on.send("ping")
        await goes_on.get("pong")


def make_key(server: LiveServer) -> str:
    """One for all orders, which acts for others."""
    operator = server.state.tokens.issue("operator", use="operator", ttl=60).token
    wish = {"name": "shop", "items": {"order-*": "admin"}, "acts_for_others": True}
    made = httpx2.post(f"{server.url}/operator/keys", json=wish, headers=bearer(operator))
    return str(made.json()["key"])
