"""The layers' order, and proxies: whose word on the client's address counts."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app
from api.http.proxies import Clients
from tests.conftest import make_settings

pytestmark = pytest.mark.anyio

PROXY, EDGE = "10.0.0.1", "10.0.0.2"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "seen"),
    [
        ("", "127.0.0.1", ["203.0.113.9"], "127.0.0.1"),
        ("10.0.0.0/8", "198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        ("10.0.0.0/8", PROXY, [], PROXY),
        ("10.0.0.0/8", PROXY, ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.0/8", PROXY, ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.0/8", PROXY, ["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.0/8", PROXY, [f"6.6.6.6, 203.0.113.9, {EDGE}"], "203.0.113.9"),
        (PROXY, PROXY, [f"203.0.113.9, {EDGE}"], EDGE),
        ("10.0.0.0/8", PROXY, ["203.0.113.9:55555"], "203.0.113.9"),
        ("10.0.0.0/8", PROXY, ["[2001:db8::9]:55555"], "2001:db8::9"),
        ("fd00::/8", "fd00::1", ["2001:db8::9"], "2001:db8::9"),
        ("10.0.0.0/8", f"::ffff:{PROXY}", ["203.0.113.9"], "203.0.113.9"),
        (f"::ffff:{PROXY}", PROXY, ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("10.0.0.0/8", PROXY, [f"203.0.113.9, [::ffff:{EDGE}]:443"], "203.0.113.9"),
        ("10.0.0.0/8", PROXY, [f"{EDGE}, {PROXY}"], EDGE),
        ("10.0.0.0/8", PROXY, ['"[2001:DB8::9]:55555"'], "2001:db8::9"),
        ("fe80::/10", "fe80::1%eth0", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.0/8", PROXY, ["203.0.113.9, unknown"], "unknown"),
        ("10.0.0.0/8", PROXY, ["203.0.113.9, " + "x" * 100], "x" * 64),
        ("10.0.0.0/8", PROXY, ["203.0.113.9, , "], "203.0.113.9"),
        ("10.0.0.0/8", PROXY, [" , "], PROXY),
        ("", "::ffff:192.0.2.1", [], "192.0.2.1"),
    ],
)
async def test_client_address_is_believed_from_trusted_proxies_only(
    tmp_path: Path, trusted: str, peer: str, forwarded: list[str], seen: str
) -> None:
    """The nearest address that is no proxy of ours; what stands left of it anybody can write."""
    app = create_app(make_settings(tmp_path, trusted_proxies=trusted))

    @app.get("/whoami")
    async def whoami(request: Request) -> JSONResponse:
        return JSONResponse(request.client.host if request.client else None)

    async with app.router.lifespan_context(app):
        assert await _get(app, peer, forwarded) == f'"{seen}"'.encode()


@pytest.mark.parametrize(
    ("kind", "said", "seen"),
    [
        ("http", [b"https"], "https"),
        ("http", [b"http", b"HTTPS "], "https"),
        ("websocket", [b"https"], "wss"),
        ("websocket", [b"wss"], "wss"),
        ("http", [b"gopher"], "http"),
        ("http", [], "http"),
    ],
)
async def test_scheme_is_believed_from_trusted_proxies(
    tmp_path: Path, kind: str, said: list[bytes], seen: str
) -> None:
    """TLS ends at the proxy, which says so."""
    scope = {
        "type": kind,
        "scheme": "ws" if kind == "websocket" else "http",
        "client": (f"::ffff:{PROXY}", 1),
        "headers": [(b"x-forwarded-proto", value) for value in said],
    }

    async def look(scope: Scope, _receive: Receive, _send: Send) -> None:
        assert scope["scheme"] == seen

    settings = make_settings(tmp_path, trusted_proxies=PROXY)
    await Clients(look, settings=settings)(scope, _nothing, _nowhere)


async def _nothing() -> Message:
    raise AssertionError("nothing is read")


async def _nowhere(message: Message) -> None:
    raise AssertionError(f"nothing is sent, and {message['type']} was")


async def _get(app: FastAPI, peer: str, forwarded: list[str]) -> bytes:
    import httpx2

    transport = httpx2.ASGITransport(app=app, client=(peer, 1))
    headers = [("x-forwarded-for", value) for value in forwarded]
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return (await client.get("/whoami", headers=headers)).content


async def test_lifespan_passes_every_layer(tmp_path: Path) -> None:
    """What an ASGI server says at its start and end is for the application alone."""
    app = create_app(make_settings(tmp_path, trusted_proxies=PROXY, allowed_origins="http://a.de"))
    told = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    answered: list[Any] = []

    async def receive() -> Any:
        return told.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    assert [message["type"] for message in answered] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
