"""HTTP in pieces that a network brings only now and then."""

import json

import pytest
import uvicorn
from uvicorn.server import ServerState

from api.settings import Settings
from api.wire.http import MAX_HEADERS, GuardedHttp
from api.wire.shared import Wire
from tests.wire.line import FakeTransport

pytestmark = pytest.mark.anyio


@pytest.fixture
async def transport() -> FakeTransport:
    """What the peer sees."""
    return FakeTransport()


@pytest.fixture
async def http(settings: Settings, transport: FakeTransport) -> GuardedHttp:
    """A connection that has just been made."""
    config = uvicorn.Config(app=None, log_config=None)  # type: ignore[arg-type] # never asked
    config.load()
    http = GuardedHttp(settings, Wire(settings), config, ServerState(), {})
    http.intake.connection_made(transport)
    return http


async def test_what_follows_a_refusal_is_not_looked_at(
    http: GuardedHttp, transport: FakeTransport
) -> None:
    """Neither the body behind headers that are too large nor anything later."""
    headers = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX: " + b"x" * 20_000
    http.data_received(headers + b"\r\n\r\nabcde")
    http.data_received(b"GET / HTTP/1.1\r\n\r\n")
    head, _, body = transport.taken.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body.removesuffix(b"<eof>"))["code"] == "too_big"
    assert body.endswith(b"<eof>")
    http.intake.connection_lost(None)


@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["unfinished", "whole"])
async def test_too_many_small_headers_are_refused(
    http: GuardedHttp, transport: FakeTransport, end: bytes
) -> None:
    """By their number: as objects they take many times the bytes that they came in."""
    http.data_received(b"GET / HTTP/1.1\r\n" + b"X:\r\n" * (MAX_HEADERS + 3) + end)
    assert transport.taken.startswith(b"HTTP/1.1 431 ")
    assert http.headers == []
    assert list(http.scope) == []
    http.intake.connection_lost(None)


async def test_headers_behind_a_refusal_are_not_kept(
    http: GuardedHttp, transport: FakeTransport
) -> None:
    """Neither those of the same piece nor a request that follows in it."""
    http.data_received(b"GET * HTTP/1.1\r\nX: y\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert transport.taken.count(b"HTTP/1.1 ") == 1
    assert http.headers == []
    assert http._newest is None
    http.intake.connection_lost(None)


async def test_headers_in_many_pieces_are_refused_by_their_sum(
    http: GuardedHttp, transport: FakeTransport
) -> None:
    """No single piece is too large."""
    http.data_received(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(20):
        http.data_received(b"x" * 1000)
    assert transport.taken.startswith(b"HTTP/1.1 431 ")
    http.connection_lost(None)
