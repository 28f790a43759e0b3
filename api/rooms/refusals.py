"""How a socket is refused: accepted, told why, and closed.

A close before the accept reaches clients as a bare HTTP 403, and browsers as 1006 without a
reason, whatever its code. Only what no person or program can act on is denied before.
"""

from fastapi import WebSocketException
from starlette.websockets import WebSocket

from ..errors import Refusal
from ..live.codecs import choose_codec
from ..live.encoding import Frame, frames_of
from ..live.frames import closing
from ..state import state_of


class PolicyViolation(WebSocketException):
    """A refusal as FastAPI raises it, with close code and reason, and all that it says."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.verdict.close_code, refusal.code)
        self.refusal = refusal


async def refuse_socket(websocket: WebSocket, exception: Exception) -> None:
    """Accept, say `closing`, close: the handler of WebSocketException and Refusal."""
    refusal = refusal_of(exception)
    state_of(websocket.scope).metrics.refused(refusal.code)
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


def refusal_of(exception: Exception) -> Refusal:
    """The refusal behind an exception that ended a socket's dependencies."""
    if isinstance(exception, Refusal):
        return exception
    if isinstance(exception, PolicyViolation):
        return exception.refusal
    return Refusal("internal")
