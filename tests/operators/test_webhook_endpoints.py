"""Who may have webhooks, and of what."""

from typing import Any

import httpx2
import pytest

from api.state import State
from api.webhooks.hooks import MAX_WEBHOOKS
from tests.accounts.keyholding import Program, program
from tests.people import People

pytestmark = pytest.mark.anyio

HOOK = {"url": "https://shop.example/hook", "items": "order-*"}


@pytest.fixture
async def shop(state: State, client: httpx2.AsyncClient) -> Program:
    """A key for orders."""
    return await program(state, client)


def operator(state: State, client: httpx2.AsyncClient) -> Program:
    return Program(client, state.tokens.issue("operator", use="operator", ttl=60).token)


async def test_webhook_shows_all_but_its_secret(shop: Program) -> None:
    """That is shown once, when it is made."""
    made = await shop.do("POST", "/webhooks", json=HOOK | {"kinds": ["message", "edit"]})
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made.pop("id")
    assert made.pop("created_at").endswith("Z")
    assert made == HOOK | {
        "kinds": ["edit", "message"],
        "key": "shop",
        "state": "active",
        "reason": None,
        "paused_at": None,
        "last_failure": None,
    }
    (listed,) = (await shop.do("GET", "/webhooks"))["webhooks"]
    assert listed | {"id": 0, "created_at": 0} == made | {"id": 0, "created_at": 0}
    shown = await shop.do("GET", f"/webhooks/{listed['id']}")
    nothing = {"items": 0, "entries": 0, "failing": 0, "since": None}
    assert shown == listed | {"behind": nothing}


async def test_key_has_its_own_webhooks_and_an_operator_all(
    shop: Program, state: State, client: httpx2.AsyncClient
) -> None:
    """Another's is not there."""
    other = await program(state, client, "other")
    runs = operator(state, client)
    made = await shop.do("POST", "/webhooks", json=HOOK)
    await runs.do("POST", "/webhooks", json=HOOK | {"items": "*"})
    path = f"/webhooks/{made['id']}"
    assert (await other.do("GET", "/webhooks"))["webhooks"] == []
    for method, more in (("GET", ""), ("DELETE", ""), ("POST", "/test")):
        assert await other.code(method, path + more) == "not_found"
    assert await other.code("PATCH", path, json={"state": "paused"}) == "not_found"
    assert [hook["key"] for hook in (await runs.do("GET", "/webhooks"))["webhooks"]] == [
        "shop",
        None,
    ]
    assert len((await shop.do("GET", "/webhooks"))["webhooks"]) == 1
    await runs.do("DELETE", path)
    assert await shop.code("GET", path) == "not_found"


async def test_nobody_else_has_webhooks(
    shop: Program, people: People, client: httpx2.AsyncClient
) -> None:
    """No user, nobody for whom a key acts, and no stranger."""
    ada = await people.add("ada")
    assert await ada.code("POST", "/webhooks", json=HOOK) == "forbidden"
    assert (await client.post("/webhooks", json=HOOK)).json()["code"] == "auth_missing"
    assert await shop.code("GET", "/webhooks", headers={"Itemroom-As": "ada"}) == "forbidden"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"items": "*"}, "forbidden"),
        ({"items": "orde*"}, "forbidden"),
        ({"items": "order-1"}, "ok"),
        ({"items": ""}, "bad_request"),
        ({"items": "a*b"}, "bad_request"),
        ({"kinds": []}, "bad_request"),
        ({"kinds": ["presence"]}, "bad_request"),
        ({"kinds": ["message"]}, "ok"),
        ({"url": "ftp://shop.example"}, "bad_request"),
        ({"url": "https://a:b@shop.example"}, "bad_request"),
        ({"secret": "whsec_short"}, "bad_request"),
        ({"from": "start"}, "ok"),
        ({"from": "end"}, "bad_request"),
        ({"more": 1}, "bad_request"),
    ],
)
async def test_what_cannot_be_is_refused(shop: Program, wish: dict[str, Any], code: str) -> None:
    """A key's webhook is within its patterns."""
    assert await shop.code("POST", "/webhooks", json=HOOK | wish) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "ok"),
        ({"state": "paused"}, "ok"),
        ({"state": "active", "skip": "all"}, "ok"),
        ({"skip": "all"}, "bad_request"),
        ({"state": "paused", "skip": "failed"}, "bad_request"),
        ({"state": "gone"}, "bad_request"),
        ({"url": "nowhere"}, "bad_request"),
    ],
)
async def test_change_that_cannot_be_is_refused(
    shop: Program, change: dict[str, Any], code: str
) -> None:
    """What is skipped is skipped when it goes on."""
    made = await shop.do("POST", "/webhooks", json=HOOK)
    assert await shop.code("PATCH", f"/webhooks/{made['id']}", json=change) == code


async def test_webhooks_are_bounded(shop: Program) -> None:
    """Each may have calls under way."""
    for _ in range(MAX_WEBHOOKS):
        await shop.do("POST", "/webhooks", json=HOOK)
    assert await shop.code("POST", "/webhooks", json=HOOK) == "bad_request"


async def test_admins_see_all_webhooks_and_pause_them(
    shop: Program, people: People, client: httpx2.AsyncClient
) -> None:
    """They make none, and none sends elsewhere for them; nobody else does even that."""
    made = await shop.do("POST", "/webhooks", json=HOOK)
    path = f"/status/webhooks/{made['id']}"
    ada, eve = await people.add("ada"), await people.add("eve")
    await people.change("UPDATE \"user\" SET admin = true WHERE username = 'ada'")
    (listed,) = (await ada.do("GET", "/status/webhooks"))["webhooks"]
    assert (listed["id"], "secret" in listed) == (made["id"], False)
    assert (await ada.do("PATCH", path, json={"state": "paused"}))["reason"] == "asked"
    assert (await ada.do("PATCH", path, json={"state": "active"}))["reason"] is None
    assert (await ada.do("POST", f"{path}/test"))["outcome"] == "unanswered"
    elsewhere = {"url": "https://eve.example"}
    assert await ada.code("PATCH", path, json=elsewhere) == "bad_request"
    for person in (eve, shop):
        assert await person.code("GET", "/status/webhooks") == "forbidden"
        assert await person.code("PATCH", path, json={"state": "paused"}) == "forbidden"
        assert await person.code("POST", f"{path}/test") == "forbidden"
    assert (await client.get("/status/webhooks")).json()["code"] == "auth_missing"
