"""Requests and sockets as an ASGI server hands them over, for what no client would send."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI

Message = dict[str, Any]
Ask = Callable[..., Awaitable[list[Message]]]


@pytest.fixture
def ask(app: FastAPI) -> Ask:
    """Sends one scope through the whole application, and gets what it sends back."""

    async def call(path: str = "/healthz", **changes: Any) -> list[Message]:
        scope: Message = {
            "type": "http",
            "method": "GET",
            "http_version": "1.1",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1:8000")],
            "client": ("192.0.2.1", 4711),
            "server": ("127.0.0.1", 8000),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        } | changes
        sent: list[Message] = []
        waiting: list[Message] = [{"type": "websocket.connect"}]
        if scope["type"] == "http":
            waiting = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            if not waiting:
                await asyncio.Event().wait()  # The client stays, and has nothing more to say.
            return waiting.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)
        return sent

    return call


def header(message: Message, name: str) -> str | None:
    """A header of an answer's start."""
    values = [value.decode() for key, value in message["headers"] if key.decode().lower() == name]
    assert len(values) <= 1, f"{name} is doubled"
    return values[0] if values else None
