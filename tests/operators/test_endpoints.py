import functools
from collections.abc import Callable

import httpx2
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect

from api.app import OPERATOR_TOKEN_TTL
from api.operators.items import summarize_items
from api.state import State
from tests.databases import execute
from tests.serving import LiveServer, Talk
from tests.stores import explain

pytestmark = pytest.mark.anyio

CALLS = [
    ("POST", "/operator/users"),
    ("POST", "/operator/users/ada/disable"),
    ("POST", "/operator/users/ada/enable"),
    ("POST", "/operator/users/ada/admin"),
    ("POST", "/operator/users/ada/password"),
    ("POST", "/operator/tokens"),
    ("POST", "/operator/keys"),
    ("POST", "/operator/keys/shop/rotate"),
    ("POST", "/operator/keys/shop/revoke"),
    ("GET", "/operator/items"),
]


def operator_token(state: State) -> str:
    return state.tokens.issue("operator", use="operator", ttl=OPERATOR_TOKEN_TTL).token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def operator(client: httpx2.AsyncClient, state: State) -> httpx2.AsyncClient:
    """Somebody with the server's secret."""
    client.headers.update(bearer(operator_token(state)))
    return client


async def sign_up(client: httpx2.AsyncClient, username: str) -> str:
    """A new user's access token."""
    form = {"username": username, "password": "correct horse battery"}
    assert (await client.post("/auth/register", json=form)).status_code == 201
    token: str = (await client.post("/auth/token", data=form)).json()["access_token"]
    return token


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_call_without_an_operators_token_is_refused(
    client: httpx2.AsyncClient, state: State, method: str, path: str
) -> None:
    """Whatever else is shown, and wherever the operator's token is shown instead."""
    call = functools.partial(client.request, method, path)
    operators = operator_token(state)
    users = await sign_up(client, "ada")
    refusals: list[tuple[str, Callable[..., object]]] = [
        ("auth_missing", call),
        ("auth_missing", functools.partial(call, params={"token": operators})),
        (
            "auth_missing",
            functools.partial(call, headers={"Cookie": f"itemroom_session={operators}"}),
        ),
        ("auth_invalid", functools.partial(call, headers=bearer(users))),
        ("auth_invalid", functools.partial(call, headers=bearer(operators + "x"))),
        ("auth_invalid", functools.partial(call, headers={"Authorization": "Basic YTpi"})),
        ("auth_ambiguous", functools.partial(call, headers=[*bearer(operators).items()] * 2)),
    ]
    for code, attempt in refusals:
        response = await attempt()  # type: ignore[misc] # each gives a response
        assert response.json()["code"] == code
        assert response.status_code in (400, 401)


async def test_operators_token_acts_for_no_user(client: httpx2.AsyncClient, state: State) -> None:
    """It commands the server, and is nobody in it."""
    headers = bearer(operator_token(state))
    for path in ("/auth/me", "/items", "/tokens"):
        response = await client.get(path, headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, "auth_invalid")


async def test_operators_calls_are_not_in_the_openapi_document(app: FastAPI) -> None:
    """They are for the command line of the same version alone."""
    assert not [path for path in app.openapi()["paths"] if path.startswith("/operator")]


async def test_items_are_listed_in_pages(operator: httpx2.AsyncClient, state: State) -> None:
    """All of them, whoever's they are, with what an operator wants to know; deleted ones not."""
    async with httpx2.AsyncClient(
        transport=operator._transport, base_url=operator.base_url
    ) as client:
        client.headers.update(bearer(await sign_up(client, "ada")))
        for name in ("a", "b", "c", "d"):
            await client.post("/items", json={"id": name, "title": name.upper()})
        await client.post("/items/b/messages", json={"body": "hello"})
        await client.delete("/items/c")
    first = (await operator.get("/operator/items", params={"limit": 2})).json()
    assert [item["id"] for item in first["items"]] == ["a", "b"]
    assert first["next"] == "b"
    assert first["items"][1] | {"title": "B", "members": 1} == first["items"][1]
    assert first["items"][1]["head"] - first["items"][0]["head"] == 1
    rest = (await operator.get("/operator/items", params={"after": "b", "limit": 2})).json()
    assert [item["id"] for item in rest["items"]] == ["d"]
    assert rest["next"] is None


@pytest.mark.sqlite
async def test_page_of_items_is_one_range_of_an_index(state: State) -> None:
    """However many there are."""
    plans = await state.readers.read(functools.partial(explain, summarize_items), "x", 5)
    assert "SEARCH item USING INDEX" in plans[0]
    assert not [line for line in plans if "SCAN" in line or "TEMP B-TREE" in line]


async def test_password_of_an_outside_user_is_refused(
    operator: httpx2.AsyncClient, state: State
) -> None:
    """It would open a second door beside the issuer's."""
    await state.writer.call(
        lambda tx: execute(
            tx.connection,
            'INSERT INTO "user" (id, username, name, issuer, subject, disabled, tokens_from,'
            " created_at) VALUES ('u1', 'ext:eve', 'Eve', 'host', 'eve', ?, 0, 0)",
            False,
        )
    )
    response = await operator.post(
        "/operator/users/ext:eve/password", json={"password": "correct horse battery"}
    )
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


async def test_disabling_a_user_closes_their_sockets_at_once(server: LiveServer) -> None:
    """With a reason, and nobody else's."""
    ada, ben = server.person("ada"), server.person("ben")
    ada.create("order-17", ben="writer")
    headers = bearer(operator_token(server.state))
    async with ada.room("order-17") as hers, ben.room("order-17") as his:
        response = httpx2.post(f"{server.url}/operator/users/ben/disable", headers=headers)
        assert response.status_code == 204
        code, reason, closing = await his.closed()
        assert (code, reason, closing["retry"]) == (1008, "auth_revoked", "never")
        assert (await hers.publish("still here"))["type"] == "ack"


async def test_operators_token_opens_no_room(server: LiveServer) -> None:
    """Not even that of an item that is open to all."""
    ada = server.person("ada")
    ada.create("order-17")
    ada.call("PATCH", "/items/order-17", json={"default_role": "writer"})
    url = server.room_url("order-17", token=operator_token(server.state))
    async with connect(url, proxy=None) as socket:
        code, reason, _ = await Talk(socket).closed()
        assert (code, reason) == (1008, "auth_invalid")
