"""Rights that end or change while somebody is connected: they are told at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from zlib import crc32

import httpx2
import pytest
from websockets.asyncio.client import connect

from api.accounts.users import disable_user
from tests.conftest import Serve, make_settings
from tests.deadlines import scaled
from tests.scenarios.handshakes import sign_in
from tests.scenarios.server_side import write
from tests.serving import PASSWORD, LiveServer, Person, Served, Talk

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with LiveServer(make_settings(tmp_path_factory.mktemp("rights"), handshake_rate=0)) as server:
        yield server.person("ada")


@pytest.fixture
def bob(ada: Person, request: pytest.FixtureRequest) -> Person:
    """Somebody new, a writer in an item of the test's own, which has the same name."""
    name = f"bob{crc32(request.node.name.encode())}"
    bob = ada.server.person(name)
    ada.create(name, **{name: "writer"})
    return bob


@asynccontextmanager
async def with_cookie(person: Person, session: str) -> AsyncIterator[Talk]:
    """The person in their item, in a browser."""
    server = person.server
    headers = {"Cookie": f"itemroom_session={session}", "Origin": server.url}
    url = server.room_url(person.username)
    async with connect(url, proxy=None, additional_headers=headers) as socket:
        talk = Talk(socket)
        talk.welcome = await talk.get("welcome")
        yield talk


async def check_end(talk: Talk, reason: str, retry: str) -> None:
    """It is over within a second, with this reason."""
    async with asyncio.timeout(scaled(1)):
        code, said, closing = await talk.closed()
    assert (code, said) == (1008, reason)
    assert (closing["reason"], closing["retry"], closing["code"]) == (reason, retry, 1008)


ENDS: dict[str, tuple[Callable[[Person, Person], object], str]] = {
    "removed": (
        lambda ada, bob: ada.call("DELETE", f"/items/{bob.username}/members/{bob.username}"),
        "removed",
    ),
    "left": (
        lambda ada, bob: bob.call("DELETE", f"/items/{bob.username}/members/{bob.username}"),
        "removed",
    ),
    "item_deleted": (lambda ada, bob: ada.call("DELETE", f"/items/{bob.username}"), "item_deleted"),
    "user_disabled": (
        lambda ada, bob: write(ada.server, partial(disable_user, username=bob.username)),
        "auth_revoked",
    ),
    "password_changed": (lambda ada, bob: change_password(bob), "auth_revoked"),
}


def change_password(person: Person) -> None:
    change = {"current_password": PASSWORD, "new_password": f"another {PASSWORD}"}
    person.call("POST", "/auth/password", json=change).raise_for_status()


@pytest.mark.parametrize(("end", "reason"), ENDS.values(), ids=ENDS)
async def test_rights_that_end_close_every_socket(
    ada: Person, bob: Person, end: Callable[[Person, Person], object], reason: str
) -> None:
    """Both tabs, at once; others stay."""
    item_id = bob.username
    async with bob.room(item_id) as one, bob.room(item_id) as other, ada.room(item_id) as hers:
        await asyncio.to_thread(end, ada, bob)
        await check_end(one, reason, "never")
        await check_end(other, reason, "never")
        if reason == "item_deleted":
            await check_end(hers, reason, "never")
        else:
            await hers.send("ping")
            await hers.get("pong")


async def test_a_logout_closes_that_browsers_sockets_alone(bob: Person) -> None:
    """Another browser and a token of the same user go on."""
    server = bob.server
    first, second = sign_in(server, bob.username), sign_in(server, bob.username)
    async with (
        with_cookie(bob, first) as here,
        with_cookie(bob, second) as there,
        bob.room(bob.username) as elsewhere,
    ):
        await asyncio.to_thread(log_out, server, first)
        await check_end(here, "auth_revoked", "never")
        for talk in (there, elsewhere):
            await talk.send("ping")
            await talk.get("pong")


def log_out(server: Served, session: str) -> None:
    with httpx2.Client(base_url=server.url, cookies={"itemroom_session": session}) as browser:
        browser.post("/auth/logout", headers={"Origin": server.url}).raise_for_status()


async def test_a_revoked_api_token_closes_its_sockets_alone(bob: Person) -> None:
    """What the user has besides goes on."""
    wanted = {"name": "test", "items": {bob.username: "reader"}}
    made = bob.call("POST", "/tokens", json=wanted).json()
    limited = Person(bob.server, bob.username, bob.id, made["token"])
    async with limited.room(bob.username) as talk, bob.room(bob.username) as other:
        assert talk.welcome["you"]["role"] == "reader"
        await asyncio.to_thread(bob.call, "DELETE", f"/tokens/{made['id']}")
        await check_end(talk, "auth_revoked", "never")
        await other.send("ping")
        await other.get("pong")


async def test_a_demoted_writer_is_told_and_judged_anew(ada: Person, bob: Person) -> None:
    """The connection stays; the next command is refused, and after a promotion stored."""
    path = f"/items/{bob.username}/members/{bob.username}"
    async with bob.room(bob.username) as talk:
        for role, answer in (("reader", "error"), ("admin", "ack")):
            await asyncio.to_thread(partial(ada.call, "PUT", path, json={"role": role}))
            assert (await talk.get("role"))["role"] == role
            assert (await talk.publish("x", ref=role))["type"] == answer


async def test_a_removal_ends_what_is_heard(ada: Person, bob: Person) -> None:
    """Nothing that was stored after the removal reaches who was removed."""
    item_id = bob.username
    async with bob.room(item_id) as talk:
        for index in range(20):
            await asyncio.to_thread(ada.publish, item_id, index)
        await asyncio.to_thread(ada.call, "DELETE", f"/items/{item_id}/members/{item_id}")
        await asyncio.to_thread(ada.publish, item_id, "after")
        assert (await talk.closed())[1] == "removed"
    log = ada.call("GET", f"/items/{item_id}/log", params={"limit": 100}).json()["entries"]
    removal = next(entry["seq"] for entry in log if entry.get("role", "") is None)
    seqs = [frame["seq"] for frame in talk.seen if frame["type"] in ("message", "member")]
    assert max(seqs) <= removal
    assert seqs == list(range(1, len(seqs) + 1))


async def test_an_expiring_token_is_announced_and_ends_on_time(serve: Serve) -> None:
    """A second before, and no earlier than it says."""
    server = serve(access_token_ttl=4, expiry_notice=1)
    ada = server.person("ada")
    ada.create("room")
    async with ada.room("room") as talk:
        expires_at = talk.welcome["expires_at"]
        assert (await talk.get("expiring"))["in"] in (0, 1)
        code, reason, closing = await talk.closed()
        ended_at = time.time()
    assert (code, reason, closing["retry"]) == (1008, "auth_expired", "after_auth")
    assert -0.05 < ended_at - seconds_of(expires_at) < scaled(1)


async def test_a_renewed_token_keeps_the_connection(serve: Serve) -> None:
    """An `auth` frame moves the end; another user's token is refused and moves nothing."""
    server = serve(access_token_ttl=5, expiry_notice=4)
    ada, eve = server.person("ada"), server.person("eve")
    ada.create("room")
    async with ada.room("room") as talk:
        await talk.send("auth", token=eve.token)
        assert (await talk.get("error", "auth"))["code"] == "forbidden"
        if "expiring" not in {frame["type"] for frame in talk.seen}:
            await talk.get("expiring")
        await talk.send("auth", token=fresh_token(server, "ada"))
        renewed = await talk.get("auth")
        assert renewed["expires_at"] > talk.welcome["expires_at"]
        assert (await talk.closed())[1] == "auth_expired"
        assert time.time() - seconds_of(renewed["expires_at"]) > -0.05


def fresh_token(server: Served, username: str) -> str:
    with httpx2.Client(base_url=server.url) as client:
        form = {"username": username, "password": PASSWORD}
        return str(client.post("/auth/token", data=form).json()["access_token"])


def seconds_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
