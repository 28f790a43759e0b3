"""What every answer has: headers, a number, and an end without a traceback."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI, WebSocket
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocketDisconnect

from api.app import create_app
from api.http.answers import SECURITY_HEADERS
from tests.conftest import make_settings
from tests.http.conftest import Ask, header

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "path", "status"),
    [
        ("http", "/healthz", 200),
        ("http", "/nope", 404),
        ("http", "/auth/me", 401),
        ("http", "/boom", 500),
        ("websocket", "/nope", 404),
        ("websocket", "/boom-socket", 500),
    ],
)
async def test_every_answer_has_the_security_headers(
    ask: Ask, app: FastAPI, kind: str, path: str, status: int
) -> None:
    """Good ones, refusals, failures and denials of sockets alike."""

    def boom() -> None:
        raise RuntimeError

    app.add_api_route("/boom", boom)
    app.add_api_websocket_route("/boom-socket", boom)
    start, _ = await ask(path, type=kind)
    assert start["status"] == status
    for name, value in SECURITY_HEADERS.items():
        assert header(start, name) == value
    assert header(start, "strict-transport-security") is None


async def test_answer_with_headers_of_its_own_keeps_them(
    client: httpx2.AsyncClient, app: FastAPI
) -> None:
    """A page widens its policy, a file may be cached; the rest is added."""

    @app.get("/page")
    async def page() -> Response:
        return Response(headers={"Cache-Control": "max-age=1", "Content-Security-Policy": "x"})

    response = await client.get("/page")
    assert response.headers["cache-control"] == "max-age=1"
    assert response.headers["content-security-policy"] == "x"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_public_url_with_tls_is_told_to_stay_so(tmp_path: Path) -> None:
    """HSTS where browsers use TLS; over plain HTTP it would mean nothing."""
    app = create_app(make_settings(tmp_path, public_url="https://rooms.example.com"))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            response = await client.get("/nope")
    assert response.headers["strict-transport-security"].startswith("max-age=")


async def test_requests_are_counted_by_template(client: httpx2.AsyncClient) -> None:
    """By the route that answered, never by the path that was asked for."""
    for path in ("/docs/static/docs.js", "/docs/static/nope", "/nope/order-17"):
        await client.get(path)
    counted = (await client.get("/metrics")).text
    prefix = "itemroom_http_requests_total"
    assert f'{prefix}{{method="GET",route="/docs/static/{{name}}",status="200"}} 1.0' in counted
    assert f'{prefix}{{method="GET",route="/docs/static/{{name}}",status="404"}} 1.0' in counted
    assert f'{prefix}{{method="GET",route="none",status="404"}} 1.0' in counted
    assert "order-17" not in counted


async def test_failure_after_the_start_goes_on_to_the_server(ask: Ask, app: FastAPI) -> None:
    """An answer that has begun cannot become another one: the server has to cut it off."""

    async def body() -> AsyncIterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    async def half() -> Response:
        return StreamingResponse(body())

    app.add_api_route("/half", half)
    with pytest.raises(ZeroDivisionError):
        await ask("/half")


@pytest.mark.parametrize(
    ("error", "close"),
    [
        (ZeroDivisionError(), {"type": "websocket.close", "code": 1011, "reason": "internal"}),
        (WebSocketDisconnect(1001), None),
    ],
)
async def test_socket_that_fails_is_closed_with_a_code(
    ask: Ask, app: FastAPI, error: Exception, close: dict[str, object] | None
) -> None:
    """A failure is a 1011, as if the network had not failed; a client that left is no failure."""

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        raise error

    app.add_api_websocket_route("/fails", endpoint)
    accept, *rest = await ask("/fails", type="websocket")
    assert accept["type"] == "websocket.accept"
    assert rest == ([] if close is None else [close])


async def test_socket_that_fails_after_its_close_is_left_alone(ask: Ask, app: FastAPI) -> None:
    """A second close would be an error of ours on top."""

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(1000)
        raise ZeroDivisionError

    app.add_api_websocket_route("/fails", endpoint)
    sent = await ask("/fails", type="websocket")
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
