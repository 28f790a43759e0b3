"""Lets the pages of `allowed_origins` read our answers, with the session cookie. No others.

Starlette's middleware answers refused preflights in plain text and compares origins as strings;
this one leaves whom it does not know to the rest of the application.
"""

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..origins import parse_origin
from ..settings import Settings
from .origin import listed_origins
from .scopes import header

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": _METHODS,
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Location, Retry-After"


class Cors:
    """Cross-origin resource sharing (Fetch standard, section 3.2) for exact origins."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._origins = listed_origins(settings.allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._origins:
            await self._app(scope, receive, send)
            return
        origin = self._known_origin(scope)

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if origin is not None:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Allow-Credentials"] = "true"
                    headers["Access-Control-Expose-Headers"] = _EXPOSED
            await send(message)

        if origin is not None and _is_preflight(scope):
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, sender)
        else:
            await self._app(scope, receive, sender)

    def _known_origin(self, scope: Scope) -> str | None:
        origins = header(scope, b"origin")
        if len(origins) != 1 or parse_origin(origins[0]) not in self._origins:
            return None
        return origins[0]


def _is_preflight(scope: Scope) -> bool:
    asked = header(scope, b"access-control-request-method")
    return scope["method"] == "OPTIONS" and bool(asked)
