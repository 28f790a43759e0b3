"""The layers' order, and proxies: whose word on the client's address counts."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from api.app import create_app
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


async def _get(app: FastAPI, peer: str, forwarded: list[str]) -> bytes:
    import httpx2

    transport = httpx2.ASGITransport(app=app, client=(peer, 1))
    headers = [("x-forwarded-for", value) for value in forwarded]
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return (await client.get("/whoami", headers=headers)).content


async def test_unusable_origin_refuses_to_start(tmp_path: Path) -> None:
    """A setting that can never match is found before anything is served."""
    app = create_app(make_settings(tmp_path, allowed_origins="https://bücher.example"))
    with pytest.raises(ValueError, match="ITEMROOM_ALLOWED_ORIGINS"):
        await _get(app, "127.0.0.1", [])


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
