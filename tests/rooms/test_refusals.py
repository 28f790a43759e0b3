"""Refused sockets are accepted, told why, and closed."""

from collections.abc import MutableMapping
from typing import Any

import orjson
import pytest
from fastapi import WebSocketException
from starlette.websockets import WebSocket

from api.errors import CODES, Refusal
from api.rooms.refusals import PolicyViolation, refusal_of, refuse_socket
from api.state import State

pytestmark = pytest.mark.anyio


async def refused(app: Any, error: Exception, *offered: str) -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "subprotocols": list(offered), "headers": [], "app": app}
    await refuse_socket(WebSocket(scope, receive, send), error)
    return sent


async def test_refused_socket_is_accepted_told_and_closed(app: Any, state: State) -> None:
    """In that order: a close before the accept would be a bare HTTP 403."""
    accept, closing, close = await refused(app, PolicyViolation(Refusal("auth_expired")))
    assert (accept["type"], accept["subprotocol"]) == ("websocket.accept", None)
    assert orjson.loads(closing["text"]) == {
        "type": "closing",
        "code": 1008,
        "reason": "auth_expired",
        "retry": "after_auth",
    }
    assert (close["type"], close["code"]) == ("websocket.close", 1008)
    assert close["reason"] == "auth_expired"


async def test_refusal_speaks_the_subprotocol_that_was_offered(app: Any) -> None:
    """Text for terminals, binary for MessagePack."""
    refusal = Refusal("rate_limited", retry_after=2)
    accept, closing, _ = await refused(app, refusal, "bearer.x", "itemroom.v1.text")
    assert (accept["subprotocol"], closing["text"]) == ("itemroom.v1.text", "! rate_limited")
    accept, closing, _ = await refused(app, refusal, "itemroom.v1.msgpack")
    assert accept["subprotocol"] == "itemroom.v1.msgpack"
    assert b"retry_after" in closing["bytes"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refusal("draining"), "draining"),
        (PolicyViolation(Refusal("removed")), "removed"),
        (WebSocketException(1008, "hunter2"), "internal"),
        (RuntimeError("hunter2"), "internal"),
    ],
)
def test_refusal_behind_an_exception_is_a_code_of_ours(error: Exception, code: str) -> None:
    """Whatever else ended a handshake is `internal`, and not a word of it is told."""
    refusal = refusal_of(error)
    assert refusal.code == code
    assert "hunter2" not in refusal.message


@pytest.mark.parametrize("code", CODES)
def test_every_refusal_can_be_raised_as_fastapi_does(code: str) -> None:
    """With the contract's close code, and a reason that fits into a close frame."""
    refusal = Refusal(code, "Not now.", retry_after=2)
    exception = PolicyViolation(refusal)
    assert refusal_of(exception) is refusal
    assert 1002 <= exception.code <= 1013
    assert len(exception.reason.encode()) <= 123
