"""Whom was this meant for? Names that are not ours are refused before anything else.

A page of an attacker's can have its own name point at this server (DNS rebinding), and is then
same-origin with it for the browser. Its `Host` still says that name. Addresses are safe: no name
was resolved.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from ..addresses import parse_address
from ..errors import Refusal
from ..origins import parse_authority
from ..settings import Settings
from .origin import listed_origins
from .problems import Problem, refuse
from .scopes import header


def known_hosts(settings: Settings) -> frozenset[str]:
    """The names that this server goes by."""
    names = {origin.host for origin in listed_origins(settings.allowed_origins)}
    names |= set(settings.internal_hosts)
    names |= {"localhost", settings.host.lower(), settings.public_host or "localhost"}
    return frozenset(names)


def is_ours(host: str, names: frozenset[str]) -> bool:
    """Whether a `Host` header is one of the names, or an address; with any port."""
    parsed = parse_authority(host)
    if parsed is None:
        return False
    return parsed[0] in names or parse_address(parsed[0]) is not None


class HostCheck:
    """Refuses requests and sockets whose `Host` is missing, doubled, or somebody else's.

    Also sockets over HTTP/1.0, which has no upgrade (RFC 6455, section 4.1).
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._names = known_hosts(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self.objection(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refuse(scope, receive, send, Problem(refusal))

    def objection(self, scope: Scope) -> Refusal | None:
        """Why this cannot be for us; None: it may be."""
        hosts = header(scope, b"host")
        if not hosts and scope.get("http_version") == "1.0" and scope["type"] == "http":
            # No browser speaks it; load balancers do, to see whether the server is well.
            return None
        if len(hosts) != 1 or not is_ours(hosts[0], self._names):
            return Refusal(
                "malformed",
                "Host must be a name of this server: see ITEMROOM_PUBLIC_URL, and for programs "
                "ITEMROOM_INTERNAL_HOSTS.",
            )
        if scope["type"] == "websocket" and scope.get("http_version") == "1.0":
            return Refusal("malformed", "A WebSocket needs HTTP/1.1.")
        return None
