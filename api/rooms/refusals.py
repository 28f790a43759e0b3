"""How a socket is refused: accepted, told why, and closed.

A close before the accept reaches clients as a bare HTTP 403, and browsers as 1006 without a
reason, whatever its code. Only what no person or program can act on is denied before.
"""

from fastapi import WebSocketException
from starlette.websockets import WebSocket

from api.errors import CODES, Refusal
from api.rooms.codecs import choose_codec
from api.rooms.connection import closing
from api.rooms.protocol import Frame, frames_of
from api.state import state_of


async def refuse_socket(websocket: WebSocket, exception: Exception) -> None:
    """Accept, say `closing`, close: the handler of WebSocketException and Refusal."""
    refusal = refusal_of(exception)
    state_of(websocket).metrics.refused(refusal.code)
    codec, subprotocol = choose_codec(websocket.scope["subprotocols"])
    await websocket.accept(subprotocol=subprotocol)
    for frame in frames_of(codec, closing(refusal)).frames:
        await send_frame(websocket, frame)
    await websocket.close(refusal.verdict.close_code, refusal.code)


async def send_frame(websocket: WebSocket, frame: Frame) -> None:
    """One frame through ASGI."""
    if frame.is_text:
        await websocket.send_text(frame.text)
    else:
        await websocket.send_bytes(frame.data)


def policy_violation(refusal: Refusal) -> WebSocketException:
    """The refusal as FastAPI raises it: close code and reason."""
    return WebSocketException(refusal.verdict.close_code, refusal.code)


def refusal_of(exception: Exception) -> Refusal:
    """The refusal behind an exception that ended a socket's dependencies."""
    if isinstance(exception, Refusal):
        return exception
    if isinstance(exception, WebSocketException) and exception.reason in CODES:
        return Refusal(exception.reason)
    return Refusal("internal")
