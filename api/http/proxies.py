"""Who is the client? The peer, or the one for whom a trusted proxy says that it asks.

uvicorn's own middleware compares `::ffff:10.0.0.1` and 10.0.0.1 as different addresses, so that a
server that listens on `::` would believe none of its proxies of IPv4.
"""

from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from ..addresses import Address, parse_address, parse_network
from ..settings import Settings
from .scopes import header

# Behind a proxy all connections come from one address, and to read it takes as long as the rest.
_peer_address = lru_cache(maxsize=1024)(parse_address)
_SCHEMES = frozenset({"http", "https", "ws", "wss"})
MAX_NAME_LENGTH = 64  # Of what a proxy writes in the place of an address, such as `unknown`.


class Clients:
    """Puts the client's address, in its one spelling, and the scheme that it used into the scope.

    Rates, the throttle of logins and the list of sessions go by it.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._proxies = [parse_network(proxy) for proxy in settings.trusted_proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.describe(scope)
        await self._app(scope, receive, send)

    def describe(self, scope: Scope) -> None:
        """Write down in the scope who asks, and how."""
        peer = scope.get("client")  # None over a Unix socket, and for the lifespan.
        address = _peer_address(peer[0]) if peer else None
        if peer and address:
            scope["client"] = (str(address), peer[1])
            if self._trusts(address):
                self._believe(scope)

    def _trusts(self, address: Address) -> bool:
        return any(address in proxies for proxies in self._proxies)

    def _believe(self, scope: Scope) -> None:
        values = ",".join(header(scope, b"x-forwarded-for")).split(",")
        if hops := [hop for value in values if (hop := value.strip(' \t"'))]:
            scope["client"] = (self._nearest_stranger(hops), 0)
        schemes = [value.strip().lower() for value in header(scope, b"x-forwarded-proto")]
        if schemes and schemes[-1] in _SCHEMES:
            is_socket = scope["type"] == "websocket"
            scope["scheme"] = schemes[-1].replace("http", "ws") if is_socket else schemes[-1]

    def _nearest_stranger(self, hops: list[str]) -> str:
        """Each proxy adds whom it saw at the end; what stands left of a stranger anybody wrote."""
        address = None
        for hop in reversed(hops):
            address = parse_address(hop)
            if address is None:
                return hop[:MAX_NAME_LENGTH]
            if not self._trusts(address):
                break
        return str(address)
