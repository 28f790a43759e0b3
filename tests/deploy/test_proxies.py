"""A real server behind the real programs, with the files as they are shipped."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect

from bench.machine import free_port
from tests.deploy.proxies import NAME, Echo, Proxy, running
from tests.process import Process
from tests.serving import PASSWORD, Talk

pytestmark = pytest.mark.anyio
ITEMS = [f"order-{number}" for number in range(12)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all of this module is."""
    return tmp_path_factory.mktemp("proxies")


@pytest.fixture(scope="module")
def process(folder: Path) -> Iterator[Process]:
    """The server behind them, set up as both files ask for."""
    url = f"https://{NAME}"
    with Process(folder, measured=False, public_url=url, trusted_proxies="127.0.0.1") as process:
        yield process


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which proxy."""
    return str(request.param)


@pytest.fixture(scope="module")
def proxy(kind: str, folder: Path, process: Process) -> Iterator[Proxy]:
    """A proxy in front of the server."""
    port = httpx2.URL(process.url).port
    assert port is not None
    with running(kind, folder / kind, port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def pair(kind: str, folder: Path) -> Iterator[tuple[Proxy, Echo]]:
    """A proxy in front of two servers, and the second of these."""
    with ExitStack() as stack:
        one, two = (stack.enter_context(Echo()) for _ in range(2))
        proxy = stack.enter_context(running(kind, folder / f"{kind}-pair", one.port, two.port))
        yield proxy, two


def sign_up(proxy: Proxy) -> tuple[httpx2.Client, str]:
    """Somebody new by way of the proxy: a client with the session's cookie, and a token."""
    client = proxy.client()
    who = {"username": f"u{secrets.token_hex(6)}", "password": PASSWORD}
    assert client.post("/auth/register", json=who).status_code == 201
    cookie = client.post("/auth/login", json=who).headers["set-cookie"]
    assert cookie.startswith("__Host-itemroom_session=")
    assert "Secure" in cookie
    return client, client.post("/auth/token", data=who).json()["access_token"]


def socket(proxy: Proxy, item_id: str, **query: object) -> connect:
    """A socket by way of the proxy."""
    uri = f"wss://{NAME}/items/{item_id}/ws?{urlencode(query)}"
    return connect(uri, host="127.0.0.1", port=proxy.port, ssl=proxy.trust, proxy=None)


async def hear(connection: ClientConnection, type_: str) -> dict[str, object]:
    """The next frame of a type."""
    return await Talk(connection).get(type_)


async def test_a_room_is_talked_in_and_resumed_through_the_proxy(proxy: Proxy) -> None:
    """A socket, a message by each door, and what was missed."""
    client, token = sign_up(proxy)
    item = client.post("/items", json={}, headers={"Authorization": f"Bearer {token}"}).json()["id"]
    async with socket(proxy, item, token=token) as connection:
        welcome = await hear(connection, "welcome")
        ack = await Talk(connection).publish("one")
        assert ack["type"] == "ack"
        connection.transport.abort()
    by_rest = f"/items/{item}/messages"
    headers = {"Authorization": f"Bearer {token}"}
    assert client.post(by_rest, json={"body": "two"}, headers=headers).status_code == 201
    missed = {"token": token, "after": ack["seq"], "epoch": welcome["epoch"]}
    async with socket(proxy, item, **missed) as connection:
        assert (await hear(connection, "message"))["body"] == "two"
    client.close()


async def test_a_refusals_reason_reaches_the_client(proxy: Proxy) -> None:
    """The close frame after the handshake comes through, not an answer of the proxy's."""
    client, token = sign_up(proxy)
    client.close()
    for query, reason in (
        ({"token": "none"}, "auth_invalid"),
        ({"token": token}, "item_not_found"),
    ):
        async with socket(proxy, "nothing-here", **query) as connection:
            code, said, closing = await Talk(connection).closed()
        assert (code, said, closing["reason"]) == (1008, reason, reason)


@pytest.mark.parametrize("path", ["/metrics", "/%6Detrics", "/operator/users", "/%6fperator/users"])
def test_what_is_the_operators_is_closed(proxy: Proxy, process: Process, path: str) -> None:
    """However it is spelled; the server itself knows every one of these paths."""
    assert httpx2.get(process.url + path, trust_env=False).status_code != 404
    with proxy.client() as client:
        assert client.get(path).status_code == 404


def test_one_item_is_always_at_one_server(pair: tuple[Proxy, Echo]) -> None:
    """By whichever of its paths; all items together use both."""
    proxy, _ = pair
    with proxy.client() as client:
        homes = {
            item: {
                client.get(path).json()["port"]
                for path in (
                    f"/items/{item}",
                    f"/items/{item}/ws?token=abc&after=7",
                    f"/items/{item.replace('-', '%2D')}/messages/7/reactions/a%2Fb",
                )
                for _ in range(2)
            }
            for item in ITEMS
        }
        assert {len(ports) for ports in homes.values()} == {1}
        assert len(set.union(*homes.values())) == 2
        others = {client.get("/auth/me").json()["port"] for _ in range(8)}
        assert len(others) == 2


def test_the_server_is_told_who_asks_and_for_what(pair: tuple[Proxy, Echo]) -> None:
    """The path as it was sent, the name that a browser knows, and nothing that a client made up."""
    proxy, _ = pair
    forged = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "ftp"}
    handshake = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": f"https://{NAME}"}
    handshake |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    path = "/items/a/messages/7/reactions/%2F?after=1"
    with proxy.client(**forged, **handshake) as client:
        said = client.get(path).json()
    assert said["path"] == path
    expected = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", "host": NAME}
    expected |= {"upgrade": "websocket", "connection": "upgrade", "origin": f"https://{NAME}"}
    assert {name: said["headers"][name].lower() for name in expected} == expected


def test_when_one_server_is_gone_the_other_has_its_items(kind: str, tmp_path: Path) -> None:
    """Nobody is answered 502 meanwhile."""
    with Echo() as left, running(kind, tmp_path / kind, left.port, free_port()) as proxy:
        with proxy.client() as client:
            homes = {client.get(f"/items/{item}").json()["port"] for item in ITEMS}
        assert homes == {left.port}


async def test_no_token_is_ever_in_a_log(kind: str, proxy: Proxy, tmp_path: Path) -> None:
    """Of calls, sockets, redirects, lines that are too long, and servers that are gone."""
    secret = f"token-{secrets.token_hex(16)}"
    long = secret + "x" * 40_000
    with httpx2.Client(trust_env=False, headers={"Host": NAME}) as plain:
        answer = plain.get(f"http://127.0.0.1:{proxy.plain_port}/auth/me?token={secret}")
        assert answer.status_code == 301
    with running(kind, tmp_path / kind, free_port()) as forsaken:
        for at in (proxy, forsaken):
            with at.client() as client:
                client.get(f"/auth/me?token={secret}")
                assert client.get(f"/auth/me?token={long}").status_code in {400, 414}
        with forsaken.client() as client:
            assert client.get(f"/items/a/ws?ticket={secret}").status_code in {502, 503}
        async with socket(proxy, "nothing-here", token=secret) as connection:
            await Talk(connection).closed()
    for at in (proxy, forsaken):
        assert "/auth/me" in at.logs
        assert secret not in at.logs
