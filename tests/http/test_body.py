"""The bound of a request's body."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI, Request

from api.http.body import SLACK_BYTES
from api.settings import Settings
from tests.deadlines import scaled
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def measuring(app: FastAPI) -> None:
    """Adds calls that say how much they were sent."""

    @app.post("/measure")
    async def measure(request: Request) -> int:
        return len(await request.body())

    @app.post("/form")
    async def form(request: Request) -> int:
        async with request.form() as fields:
            return len(fields)


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body without a length, in small pieces."""
    for start in range(0, size, 1000):
        yield b"x" * min(1000, size - start)


@pytest.mark.usefixtures("measuring")
@pytest.mark.parametrize("chunked", [False, True])
async def test_body_at_the_bound_is_read_and_one_byte_more_is_not(
    client: httpx2.AsyncClient, settings: Settings, *, chunked: bool
) -> None:
    """Whether or not it says its length before."""
    bound = settings.max_frame_bytes + SLACK_BYTES
    fits, exceeds = [
        await client.post("/measure", content=pieces(size) if chunked else b"x" * size)
        for size in (bound, bound + 1)
    ]
    assert (fits.status_code, fits.json()) == (200, bound)
    assert (exceeds.status_code, exceeds.json()["code"]) == (413, "too_big")
    assert exceeds.headers["connection"] == "close"


@pytest.mark.usefixtures("measuring")
async def test_form_beyond_the_bound_is_too_big(
    client: httpx2.AsyncClient, settings: Settings
) -> None:
    """A parser that reads by itself passes the same bound."""
    size = settings.max_frame_bytes + SLACK_BYTES + 1
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = await client.post("/form", content=pieces(size), headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "too_big")


@pytest.mark.usefixtures("measuring")
@pytest.mark.parametrize(
    ("length", "status"),
    [("9" * 5000, 413), ("0" * 5000 + "3", 200), ("3", 200), ("none", 200)],
)
async def test_length_in_any_spelling_is_judged_by_its_value(
    client: httpx2.AsyncClient, length: str, status: int
) -> None:
    """Servers check the digits; this one neither fails nor takes long when one does not."""
    response = await client.post("/measure", content=b"abc", headers={"content-length": length})
    assert response.status_code == status


async def test_announced_gigabyte_is_refused_unread(server: LiveServer) -> None:
    """Live: the refusal comes although the client has sent nothing but its headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"POST /auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {2**30}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(scaled(5)):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"too_big"' in answer
