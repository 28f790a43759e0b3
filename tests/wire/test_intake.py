"""What is left over of requests waits: for a turn, for an answer, for somebody who reads it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from api.settings import Settings
from api.wire import http
from api.wire.http import PIPELINE_BURST, GuardedHttp
from api.wire.intake import PIECE_BYTES, Intake
from api.wire.shared import Wire
from api.wire.turns import INTAKE_BYTES, SHARE
from tests.live.world import until
from tests.wire.line import FakeTransport, arrive

pytestmark = pytest.mark.anyio
GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
END = {"type": "http.response.body", "body": b""}


class Site:
    """An application that answers when it may, and a client of it."""

    def __init__(self, settings: Settings) -> None:
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.answers_first = False
        self.ended = 0
        self.transport = FakeTransport()
        config = uvicorn.Config(self.app, log_config=None, interface="asgi3", proxy_headers=False)
        config.load()
        made = GuardedHttp(settings, Wire(settings), config, ServerState(), {})
        self.intake: Intake = made.intake
        self.intake.connection_made(self.transport)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        if self.answers_first:
            await send(OK)
        await self.may_read.wait()
        while True:
            message = await receive()
            self.bodies.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        await self.may_answer.wait()
        if not self.answers_first:
            await send(OK)
        await send(END)
        self.ended += 1

    def sends(self, data: bytes) -> None:
        """Bytes come, in reads as large as they get."""
        for start in range(0, len(data), INTAKE_BYTES):
            arrive(self.intake, data[start : start + INTAKE_BYTES])

    async def turns(self, is_enough: Callable[[], Any]) -> int:
        """How many turns of the loop pass until then."""
        count = 0
        while not is_enough():
            await asyncio.sleep(0)
            count += 1
        return count


@pytest.fixture
async def site(settings: Settings) -> Site:
    """A client that has just connected."""
    return Site(settings)


async def test_requests_behind_one_wait_unparsed_until_it_is_answered(site: Site) -> None:
    """As few as are in one piece; the others are begun when those are answered."""
    site.may_answer.clear()
    requests = b"".join(GET % number for number in range(1, 41))
    site.sends(requests)
    await until(lambda: site.bodies == [b""])
    assert site.asked == ["/1"]
    assert len(site.intake._rest) == len(requests) - PIECE_BYTES
    assert not site.transport.reading
    site.may_answer.set()
    await until(lambda: b" 429 " in site.transport.taken)
    assert site.asked == [f"/{number}" for number in range(1, PIPELINE_BURST + 2)]
    assert site.transport.taken.count(b" 200 ") == PIPELINE_BURST + 1
    assert b"retry-after: 1\r\n" in site.transport.taken
    assert site.transport.taken.endswith(b"<eof>")


async def test_many_small_chunks_take_many_turns(site: Site) -> None:
    """A share of them is parsed in each, and nothing is read meanwhile."""
    site.sends(POST)
    await until(lambda: site.asked == ["/"])
    chunks = 2000
    site.sends(b"1\r\nx\r\n" * chunks)
    assert not site.transport.reading
    turns = await site.turns(lambda: site.transport.reading)
    assert turns >= chunks // (SHARE * 6)
    site.sends(b"0\r\n\r\n")
    await until(lambda: site.ended)
    assert b"".join(site.bodies) == b"x" * chunks


async def test_body_that_nobody_reads_waits(site: Site) -> None:
    """Uvicorn's own bound counts too: what waits for the application is not added to."""
    site.may_read.clear()
    site.sends(POST)
    body = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    site.sends(body * 3)
    for _ in range(20):
        site.sends(body)
        await asyncio.sleep(0)
    assert not site.transport.reading
    site.may_read.set()
    await until(lambda: site.transport.reading)
    site.sends(b"0\r\n\r\n")
    await until(lambda: site.ended)
    assert len(b"".join(site.bodies)) == 4096 * 23


async def test_what_is_wrong_behind_a_request_is_said_after_its_answer(site: Site) -> None:
    """In the order in which they came."""
    site.may_answer.clear()
    site.sends(GET % 1 + b"nonsense\r\n\r\n")
    await until(lambda: site.bodies == [b""])
    assert site.transport.taken == b""
    site.may_answer.set()
    await until(lambda: site.transport.taken.endswith(b"<eof>"))
    first, _, second = site.transport.taken.partition(b"HTTP/1.1 400 ")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert b'"malformed"' in second


@pytest.mark.parametrize("answers_first", [False, True], ids=["unanswered", "half-answered"])
async def test_body_that_does_not_end_in_time_is_too_slow(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, answers_first: bool
) -> None:
    """408 unless an answer has begun; to the application the client has gone."""
    monkeypatch.setattr(http, "BODY_TIMEOUT", 0.01)
    site.answers_first = answers_first
    site.sends(POST + b"1\r\nx\r\n")
    await until(lambda: site.transport.taken.endswith(b"<eof>") and site.ended)
    assert (b'"too_slow"' in site.transport.taken) is not answers_first


async def test_peer_that_goes_on_after_a_refusal_is_read_no_more(site: Site) -> None:
    """Some bytes are thrown away, then it has a moment to read why."""
    site.sends(b"nonsense\r\n\r\n")
    assert site.transport.taken.endswith(b"<eof>")
    while site.transport.reading:
        site.sends(bytes(INTAKE_BYTES))
    await until(lambda: site.transport.ended == "aborted")


async def test_full_transport_keeps_answers_waiting(site: Site) -> None:
    """As uvicorn does it."""
    site.intake.pause_writing()
    site.sends(GET % 1)
    await until(lambda: site.bodies == [b""])
    assert site.transport.taken == b""
    site.intake.resume_writing()
    await until(lambda: site.ended)


async def test_client_that_has_gone_is_forgotten(site: Site) -> None:
    """With all that it had left over."""
    site.may_answer.clear()
    site.sends(b"".join(GET % number for number in range(1, 41)))
    await until(lambda: site.bodies == [b""])
    site.transport.abort()
    site.intake.connection_lost(None)
    assert not site.intake.has_more
    site.intake.leave()
    site.may_answer.set()
    await until(lambda: site.ended)
    assert site.asked == ["/1"]
