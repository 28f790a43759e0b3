"""Sockets that are open, and an application that says for a while only who somebody is."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import ClientConnection, connect

from api import Caller, Itemroom
from api.asking.authorize import MAX_TTL, MIN_TTL, NOTICE
from api.callers import Who, credential_of
from api.rights.access import clock_ms
from tests.asking.shop import SECRET, Shop, open_shop
from tests.asking.test_authorize import closed
from tests.conftest import make_settings
from tests.databases import provide
from tests.deadlines import scaled
from tests.embedded.hosts import Host, hosting
from tests.embedded.test_embedded import frames
from tests.scenarios.test_outside import AUDIENCE, ISSUER, shop_token
from tests.scenarios.test_outside import SECRET as ISSUER_SECRET
from tests.security.forge import hs256

pytestmark = pytest.mark.anyio

SESSION = {"Cookie": "desk=s1", "X-Tenant": "nine"}
SERVERS = (hosting,)  # What makes these tests live: see `tests.conftest`.
ADA = Caller("1", "Ada", items={"order-*": "writer"}, ttl=MIN_TTL)


class Desk:
    """An application with a table of sessions, looked at each time that it is asked."""

    def __init__(self) -> None:
        self.sessions: dict[str, Who] = {"s1": ADA}
        self.is_away = False
        self.asked: list[tuple[str, str | None, str]] = []
        """The header, the query and the path, each time."""

    def identify(self, connection: HTTPConnection) -> Who:
        """By the session's cookie."""
        path = connection.url.path
        self.asked.append((connection.headers["x-tenant"], connection.query_params.get("q"), path))
        if self.is_away:
            raise LookupError("the desk's database is away")
        return self.sessions.get(connection.cookies["desk"])

    async def is_asked(self, times: int) -> None:
        """Wait for it: so many times more."""
        wanted = len(self.asked) + times
        async with asyncio.timeout(scaled(20)):
            while len(self.asked) < wanted:
                await asyncio.sleep(0.02)


@pytest.fixture
def desk() -> Desk:
    """Where Ada is signed in."""
    return Desk()


@pytest.fixture
def host(tmp_path: Path, desk: Desk) -> Iterator[Host]:
    """The desk with rooms, running."""
    settings = make_settings(tmp_path)
    provide(settings)
    with hosting(Itemroom(settings, identify=desk.identify)) as host:
        yield host


@asynccontextmanager
async def room(host: Host, item: str = "order-17", **query: str) -> AsyncIterator[ClientConnection]:
    """By Ada's session, after the first `live`."""
    url = host.room_url(item, **query)
    async with connect(url, additional_headers=SESSION, proxy=None) as socket:
        assert (await frames(socket, "live"))[0]["expires_at"] is None
        yield socket


async def says(socket: ClientConnection, body: str) -> list[dict[str, Any]]:
    """What comes until it is answered."""
    await socket.send(json.dumps({"type": "publish", "ref": body, "body": body}))
    return await frames(socket, "ack")


async def test_socket_stays_as_long_as_its_session(host: Host, desk: Desk) -> None:
    """Asked with what the handshake had, again and again; signed out, it is out."""
    async with room(host, q="1") as ada:
        await desk.is_asked(3)
        told = {frame["type"] for frame in await says(ada, "hello")}
        assert not told & {"auth", "expiring"}, "it is nothing that the client could renew"
        assert set(desk.asked) == {("nine", "1", "/desk/rooms/items/order-17/ws")}
        del desk.sessions["s1"]
        assert await closed(ada) == (1008, "auth_revoked")


async def test_socket_of_a_session_that_is_another_s_now_is_out(host: Host, desk: Desk) -> None:
    """It was opened as somebody, and speaks for nobody else."""
    async with room(host) as ada:
        desk.sessions["s1"] = Caller("2", "Bob", items={"order-*": "writer"}, ttl=MIN_TTL)
        assert await closed(ada) == (1008, "auth_revoked")


async def test_host_that_fails_has_said_nothing(
    host: Host, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Its former answer counts to its end, but not beyond."""
    async with room(host) as ada:
        desk.is_away = True
        await desk.is_asked(1)
        desk.is_away = False
        await says(ada, "still here")
    desk.sessions["s1"] = Caller("1", items={"order-*": "writer"}, ttl=MIN_TTL)
    async with room(host) as ada:
        desk.is_away = True
        assert await closed(ada) == (1013, "authorize_unavailable")
    assert "the desk's database is away" in caplog.text


async def test_newer_answer_changes_what_they_may_do(host: Host, desk: Desk) -> None:
    """A role is told, a name is seen; nothing any more is the end."""
    async with room(host) as ada:
        reader = Caller("1", "Ada L.", items={"order-17": "reader"}, ttl=MIN_TTL)
        desk.sessions["s1"] = reader
        heard = await asyncio.wait_for(frames(ada, "role"), scaled(20))
        assert "auth" not in [frame["type"] for frame in heard], "the client has shown nothing"
        assert heard[-1]["role"] == "reader"
        me = httpx2.get(f"{host.url}/auth/me", headers=SESSION, trust_env=False).json()
        assert me["name"] == "Ada L."
        desk.sessions["s1"] = Caller("1", items={"order-18": "writer"}, ttl=MIN_TTL)
        assert await closed(ada) == (1008, "removed")


async def test_end_that_was_said_counts_as_ever(host: Host, desk: Desk) -> None:
    """Announced, and not put off by answers that say it, too."""
    ends = clock_ms() + 5_000
    desk.sessions["s1"] = Caller("1", items={"order-*": "writer"}, expires_at=ends, ttl=MIN_TTL)
    url = host.room_url("order-17")
    async with connect(url, additional_headers=SESSION, proxy=None) as ada:
        assert (await frames(ada, "live"))[0]["expires_at"] is not None
        await frames(ada, "expiring")
        assert await closed(ada) == (1008, "auth_expired")
    assert len(desk.asked) > 2


async def test_session_that_is_said_for_good_is_not_asked_about(host: Host, desk: Desk) -> None:
    """Without a `ttl` a socket stays, also after a newer answer said so."""
    async with room(host) as ada:
        desk.sessions["s1"] = Caller("1", items={"order-*": "writer"})
        await desk.is_asked(1)
        await says(ada, "hello")
        desk.sessions.clear()
        count = len(desk.asked)
        await asyncio.sleep(MIN_TTL + 0.5)
        assert len(desk.asked) == count
        await says(ada, "still here")


async def test_ticket_of_a_session_ends_with_what_was_said(host: Host) -> None:
    """Nobody can be asked by it: it is told, as of any credential, and shown another."""
    path = f"{host.url}/items/order-17/tickets"
    ticket = httpx2.post(path, headers=SESSION, trust_env=False).json()["ticket"]
    async with connect(host.room_url("order-17", ticket=ticket), proxy=None) as ada:
        await frames(ada, "expiring")
        assert await closed(ada) == (1008, "auth_expired")


async def test_host_and_product_are_both_asked_again(tmp_path: Path, desk: Desk) -> None:
    """Who it is by the one, what they may by the other: either ends it."""
    desk.sessions["s1"] = Caller("1", "Ada", ttl=MIN_TTL)
    async with open_shop(roles={("ext:1", "order-17"): "writer"}) as shop:
        with hosting(asking_too(tmp_path, desk, shop)) as host:
            async with room(host) as ada:
                await desk.is_asked(2)
                await says(ada, "hello")
                assert len(shop.asked) > 1
                del desk.sessions["s1"]
                assert await closed(ada) == (1008, "auth_revoked")
            desk.sessions["s1"] = Caller("1", "Ada")
            shop.ttl = MIN_TTL
            async with room(host, "order-18") as ada:
                shop.roles.clear()
                assert await closed(ada) == (1008, "removed")


async def test_token_that_was_shown_since_is_what_counts(tmp_path: Path, desk: Desk) -> None:
    """The application is asked no more who that is; the product still, what they may."""
    desk.sessions["s1"] = Caller("1", "Ada", ttl=MIN_TTL)
    async with open_shop(roles={("ext:1", "order-17"): "writer"}, ttl=MIN_TTL) as shop:
        with hosting(asking_too(tmp_path, desk, shop)) as host:
            async with room(host) as ada:
                head: dict[str, object] = {"alg": "HS256", "typ": "JWT"}
                token = shop_token(head, hs256(ISSUER_SECRET.encode()), "1")
                await ada.send(json.dumps({"type": "auth", "token": token}))
                assert (await frames(ada, "auth"))[-1]["expires_at"] is not None
                desk.sessions.clear()
                count, asked = len(desk.asked), len(shop.asked)
                async with asyncio.timeout(scaled(20)):
                    while len(shop.asked) < asked + 2:
                        await asyncio.sleep(0.02)
                assert len(desk.asked) == count
                await says(ada, "still here")


def asking_too(folder: Path, desk: Desk, shop: Shop) -> Itemroom:
    """Rooms in the desk that ask the shop of whom an item is not open to."""
    shop.roles["ext:1", "order-18"] = "writer"
    settings = make_settings(
        folder,
        authorize_url=shop.receiver.url,
        ask_secret=SECRET,
        issuer=ISSUER,
        issuer_audience=AUDIENCE,
        issuer_secret=ISSUER_SECRET,
    )
    provide(settings)
    return Itemroom(settings, identify=desk.identify)


@pytest.mark.parametrize(
    ("ttl", "seconds"), [(60, 60), (0.5, MIN_TTL), (-1, MIN_TTL), (1e9, MAX_TTL)]
)
def test_time_of_an_answer_is_bounded(ttl: float, seconds: float) -> None:
    """Time enough to ask again, and soon enough to be of use."""
    credential = credential_of(Caller("1", ttl=ttl))
    assert credential.known_until == credential.issued_at + seconds * 1000
    assert NOTICE < MIN_TTL


def test_time_that_is_none_is_a_failure_of_the_host() -> None:
    """Rather than forever."""
    with pytest.raises(ValueError, match="NaN"):
        credential_of(Caller("1", ttl=float("nan")))
