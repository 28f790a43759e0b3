"""What every answer has: security headers, a number in the metrics, and no traceback."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from ..settings import Settings
from ..state import state_of
from .problems import problem_of, refuse
from .scopes import HEAD_ALONE

# An answer that sets one of these itself keeps its own: a page needs a wider policy.
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
# One year; without subdomains, of which we know nothing.
STRICT_TRANSPORT = "max-age=31536000"


class Answers:
    """The outermost layer that is ours: what leaves the server passes through here."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        headers = dict(SECURITY_HEADERS)
        if (settings.public_url or "").startswith("https:"):
            headers["strict-transport-security"] = STRICT_TRANSPORT
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What can be got can be asked for its headers alone; routes know of GET only.
        is_head = scope["method"] == "HEAD"
        inner = {**scope, "method": "GET", HEAD_ALONE: True} if is_head else scope
        status = 0

        async def sender(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._complete(message)
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(inner, receive, sender)
        except Exception as error:
            problem = problem_of(error)
            if status:  # Too late for an answer: the server cuts the connection.
                raise
            await refuse(inner, receive, sender, problem)
        finally:
            state_of(scope).metrics.answered(scope["method"], _template(inner), status)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        last = ""

        async def sender(message: Message) -> None:
            nonlocal last
            last = message["type"]
            if last == "websocket.http.response.start":
                self._complete(message)
            await send(message)

        try:
            await self._app(scope, receive, sender)
        except (WebSocketDisconnect, ClientDisconnected):
            return  # The client went while it was being answered, which is no fault.
        except Exception as error:
            problem = problem_of(error)
            if not last:
                await refuse(scope, receive, sender, problem)
            elif last in ("websocket.accept", "websocket.send"):
                # Without this the client would see 1006, as if the network had failed.
                await send({"type": "websocket.close", "code": 1011, "reason": "internal"})

    def _complete(self, message: Message) -> None:
        headers = list(message.get("headers", ()))
        present = {name.lower() for name, _ in headers}
        headers.extend(header for header in self._headers if header[0] not in present)
        message["headers"] = headers


def _template(scope: Scope) -> str | None:
    return getattr(scope.get("route"), "path", None)
