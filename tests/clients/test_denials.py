"""A handshake that ends without a word: each client asks by REST for the code."""

import asyncio
import json

import pytest

from tests.clients.drivers import Driver, Program, each, on_stage
from tests.clients.proxy import Fate, Piece, Proxy
from tests.conftest import Serve
from tests.serving import LiveServer

# A page of another origin may ask, and read the answer.
SHARED = (
    "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: authorization\r\n"
    "Access-Control-Expose-Headers: Retry-After\r\nConnection: close\r\n\r\n"
)


class Veil:
    """Hides why the server denies a handshake, and lets every page ask; each request is alone."""

    def __init__(self, bare: str = "", answer: str | None = None) -> None:
        self._bare = bare.encode()  # In the place of what a handshake is answered with.
        self._answer = answer  # In the place of what is said by REST.
        self._methods: dict[int, str] = {}
        self.asked = 0

    def __call__(self, piece: Piece) -> Fate | None:
        if piece.index:
            return None
        if piece.upward:
            self._methods[piece.connection] = piece.text.partition(" ")[0]
            return None
        method = self._methods[piece.connection]
        if method == "GET":
            return Fate(self._bare, "fin")
        if method == "OPTIONS":
            return Fate(f"HTTP/1.1 204 No Content\r\n{SHARED}".encode(), "fin")
        self.asked += 1
        if self._answer is not None:
            return Fate(self._answer.encode(), "fin")
        return Fate(piece.raw.replace(b"\r\n\r\n", f"\r\n{SHARED}".encode()))


def problem(status: int, **fields: object) -> str:
    """An answer that can be read in any page."""
    body = json.dumps({"status": status, **fields})
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/problem+json\r\n{SHARED}{body}"


BARE = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("bare", [BARE, ""], ids=["bare", "no-answer"])
async def test_what_is_denied_for_good_is_told_and_not_tried_again(
    programs: list[Program], server: LiveServer, bare: str
) -> None:
    """The code and the sentence are the ones of REST."""
    ada = server.person("ada")

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        veil = Veil(bare, problem(403, code="origin_denied", detail="Not from here."))
        async with Proxy(server.url, veil) as proxy:
            client = await driver.open(proxy.url, token=ada.token)
            refused = await client.heard("refused")
            assert (refused["code"], refused["retry"]) == ("origin_denied", "never")
            assert client.state == "refused"
        assert veil.asked == 1

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_what_the_server_itself_says_is_waited_for(
    programs: list[Program], serve: Serve
) -> None:
    """A ticket is refused as the socket is: too many connections, and when to come back."""
    server = serve(connections_per_user=1)

    async def play(driver: Driver) -> None:
        ada = await asyncio.to_thread(server.person, f"ada-{driver.item}")
        ada.create(driver.item)
        veil = Veil(BARE)
        async with ada.room(driver.item), Proxy(server.url, veil) as proxy:
            client = await driver.open(proxy.url, token=ada.token)
            await client.until(
                lambda: "too_many_connections" in {told["reason"] for told in client.told("state")}
            )
            assert client.state == "waiting"
            assert veil.asked == 1

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)
