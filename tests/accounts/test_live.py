"""What ends a credential ends its sockets: on a real server, with real clients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from tests.accounts.visitor import bearer
from tests.serving import PASSWORD, LiveServer, Person, Talk

pytestmark = pytest.mark.anyio


@pytest.fixture
def ada(server: LiveServer) -> Person:
    """Ada, with an item."""
    person = server.person("ada")
    person.create("order-17")
    return person


@contextmanager
def browser(person: Person) -> Iterator[httpx2.Client]:
    """A signed-in browser of a person."""
    with httpx2.Client(base_url=person.server.url) as client:
        login = {"username": person.username, "password": PASSWORD}
        assert client.post("/auth/login", json=login).status_code == 200
        yield client


def logout(_: Person, client: httpx2.Client) -> httpx2.Response:
    return client.post("/auth/logout")


def end_session(ada: Person, client: httpx2.Client) -> httpx2.Response:
    (session,) = client.get("/auth/sessions").json()["sessions"]
    return ada.call("DELETE", f"/auth/sessions/{session['id']}")


def change_password(ada: Person, _: httpx2.Client) -> httpx2.Response:
    change = {"current_password": PASSWORD, "new_password": "another good one"}
    return ada.call("POST", "/auth/password", json=change)


@pytest.mark.parametrize("end", [logout, end_session, change_password])
@pytest.mark.parametrize("shown", ["cookie", "ticket"])
async def test_socket_of_a_session_closes_when_that_ends(
    ada: Person, end: Callable[[Person, httpx2.Client], httpx2.Response], shown: str
) -> None:
    """Opened by the cookie itself or by a ticket; a socket of another credential stays open."""
    with browser(ada) as client:
        headers, query = {}, {}
        if shown == "cookie":
            headers = {"Cookie": f"itemroom_session={client.cookies['itemroom_session']}"}
        else:
            query = {"ticket": client.post("/items/order-17/tickets").json()["ticket"]}
        api = client.post("/tokens", json={"name": "n", "items": {"*": "reader"}}).json()["token"]
        url = ada.server.room_url("order-17", **query)
        other = ada.server.room_url("order-17", token=api)
        async with (
            connect(
                url, proxy=None, origin=Origin(ada.server.url), additional_headers=headers
            ) as socket,
            connect(other, proxy=None) as lasting,
        ):
            talk, kept = Talk(socket), Talk(lasting)
            await talk.get("live")
            await kept.get("live")
            assert end(ada, client).status_code == 204
            code, reason, closing = await talk.closed()
            assert (code, reason, closing["retry"]) == (1008, "auth_revoked", "never")
            await kept.send("ping")
            await kept.get("pong")


async def test_socket_of_an_api_token_closes_when_that_is_revoked(ada: Person) -> None:
    """At once; and it is refused from then on."""
    made = ada.call("POST", "/tokens", json={"name": "n", "items": {"*": "reader"}}).json()
    url = ada.server.room_url("order-17")
    async with connect(url, proxy=None, additional_headers=bearer(made["token"])) as socket:
        talk = Talk(socket)
        assert (await talk.get("welcome"))["you"]["role"] == "reader"
        assert ada.call("DELETE", f"/tokens/{made['id']}").status_code == 204
        assert (await talk.closed())[:2] == (1008, "auth_revoked")
    async with connect(url, proxy=None, additional_headers=bearer(made["token"])) as socket:
        assert (await Talk(socket).closed())[:2] == (1008, "auth_revoked")


async def test_ticket_opens_one_socket(ada: Person) -> None:
    """The second client is told that it comes too late."""
    ticket = ada.call("POST", "/items/order-17/tickets").json()["ticket"]
    url = ada.server.room_url("order-17", ticket=ticket)
    async with connect(url, proxy=None) as socket:
        await Talk(socket).get("welcome")
    async with connect(url, proxy=None) as socket:
        assert (await Talk(socket).closed())[:2] == (1008, "ticket_used")


@pytest.mark.parametrize(
    ("query", "cookies", "reason"),
    [
        ("token=a.b.c", "itemroom_session={cookie}", "auth_invalid"),
        ("token=", "itemroom_session={cookie}", "auth_invalid"),
        ("token={token}&token={token}", "", "auth_ambiguous"),
        ("token={token}&ticket=x", "", "auth_ambiguous"),
        ("", "itemroom_session={cookie}; itemroom_session=b", "auth_ambiguous"),
        ("token={token}", "itemroom_session=a; itemroom_session=b", "auth_ambiguous"),
        ("ticket=x", "itemroom_session={cookie}", "ticket_used"),
        ("", "itemroom_session=unknown", "auth_invalid"),
        ("", "", "auth_missing"),
    ],
)
async def test_socket_never_falls_back_to_the_cookie(
    ada: Person, query: str, cookies: str, reason: str
) -> None:
    """What is shown explicitly counts, and two of it do not."""
    with browser(ada) as client:
        cookie = client.cookies["itemroom_session"]
    headers = {"Cookie": cookies.format(cookie=cookie)} if cookies else {}
    url = ada.server.room_url("order-17") + query.format(token=ada.token)
    async with connect(
        url, proxy=None, origin=Origin(ada.server.url), additional_headers=headers
    ) as socket:
        assert (await Talk(socket).closed())[:2] == (1008, reason)


async def test_subprotocol_shows_a_token_that_is_never_echoed(ada: Person) -> None:
    """For browsers: the server chooses the other one of the pair."""
    protocols = [Subprotocol(name) for name in ("itemroom.v1.json", f"bearer.{ada.token}")]
    url = ada.server.room_url("order-17")
    async with connect(url, proxy=None, subprotocols=protocols) as socket:
        assert socket.subprotocol == "itemroom.v1.json"
        assert (await Talk(socket).get("welcome"))["you"]["id"] == ada.id


async def test_other_sessions_end_with_their_sockets(ada: Person) -> None:
    """All but the one that asks, whose socket stays."""
    with browser(ada) as here, browser(ada) as there:
        rooms = [
            connect(
                ada.server.room_url("order-17", tail=0),
                additional_headers={
                    "Cookie": f"itemroom_session={client.cookies['itemroom_session']}"
                },
                origin=Origin(ada.server.url),
                proxy=None,
            )
            for client in (here, there)
        ]
        async with rooms[0] as mine, rooms[1] as other:
            talks = Talk(mine), Talk(other)
            for talk in talks:
                await talk.get("live")
            assert here.delete("/auth/sessions").status_code == 204
            assert (await talks[1].closed())[:2] == (1008, "auth_revoked")
            await talks[0].publish("still here")


async def test_new_name_is_on_everything_from_now_on(server: LiveServer, ada: Person) -> None:
    """On what is sent over a socket that is open, on what is read, and on who is here."""
    bob = server.person("bob")
    ada.call("PUT", "/items/order-17/members/bob", json={"role": "writer"})
    ada.publish("order-17", "as Ada")
    async with ada.room("order-17", tail=0) as hers, bob.room("order-17", tail=0) as his:
        await his.get("live")
        answer = ada.call("PATCH", "/auth/me", json={"display_name": " Countess "})
        assert (answer.status_code, answer.json()["name"]) == (200, "Countess")
        renamed = {"id": ada.id, "name": "Countess"}
        while renamed not in (await his.get("presence")).get("join", []):
            pass
        await hers.publish("as Countess")
        assert (await his.get("message"))["by"] == renamed
    page = bob.call("GET", "/items/order-17/messages").json()
    assert [message["by"] for message in page["messages"]] == [renamed, renamed]
    assert ada.call("GET", "/auth/me").json()["name"] == "Countess"
    again = ada.call("PATCH", "/auth/me", json={"display_name": "Countess"})
    assert again.status_code == 200


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\u202eb", 7])
def test_name_that_cannot_be_shown_is_refused(ada: Person, name: object) -> None:
    """As when signing up, and the field is named."""
    refused = ada.call("PATCH", "/auth/me", json={"display_name": name})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_request")
    assert refused.json()["errors"][0]["loc"] == ["body", "display_name"]


def test_api_token_renames_nobody(ada: Person) -> None:
    """What was given away for items cannot touch the account."""
    made = ada.call("POST", "/tokens", json={"name": "n", "items": {"*": "admin"}}).json()
    for method, path, body in (
        ("PATCH", "/auth/me", {"display_name": "Mallory"}),
        ("DELETE", "/auth/sessions", None),
    ):
        answer = httpx2.request(
            method, f"{ada.server.url}{path}", json=body, headers=bearer(made["token"])
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
