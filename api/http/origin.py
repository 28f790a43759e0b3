"""Whose page is asking? The session cookie counts only for our own pages and listed ones."""

from functools import lru_cache

from starlette.requests import HTTPConnection
from starlette.types import Scope

from ..errors import Refusal
from ..origins import Origin, parse_authority, parse_origin
from ..settings import Settings
from .scopes import STAYS, header

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@lru_cache(maxsize=16)
def listed_origins(texts: tuple[str, ...]) -> frozenset[Origin]:
    """`allowed_origins`, parsed; each was found to be an origin when it was set."""
    return frozenset(filter(None, map(parse_origin, texts)))


def own_origin(scope: Scope, settings: Settings) -> Origin | None:
    """Where our own pages come from: `public_url`, else the host that was asked for.

    The host check has let this `Host` in, so that no stranger's name can make itself ours.
    """
    if settings.public_url is not None:
        return parse_origin(settings.public_url.removesuffix(settings.public_path))
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    hosts = header(scope, b"host")
    return parse_origin(f"{scheme}://{hosts[0]}") if len(hosts) == 1 else None


def _is_internal(scope: Scope, settings: Settings) -> bool:
    """Whether the server was asked under one of `internal_hosts`, names that are for programs.

    Whoever can make such a name, in a network of containers, may serve pages under it.
    """
    hosts = map(parse_authority, header(scope, b"host"))
    return any(host is not None and host[0] in settings.internal_hosts for host in hosts)


def check_cookie_origin(connection: HTTPConnection, settings: Settings) -> None:
    """Raise Refusal unless a page that may use the session cookie sent this.

    A request that changes nothing is always let through, since others cannot read the answer.
    One that does, one that is answered for as long as somebody stays in a room, and a socket, which
    the same-origin policy does not cover, go by what browsers say of the sender. When nothing is
    said at all, no browser sent it, or a page of our own: they put an `Origin` on every other such
    request and on every handshake (RFC 6455, section 4.1), and `Sec-Fetch-Site` on all to a secure
    host.

    Raises:
        Refusal: `origin_denied`.
    """
    scope = connection.scope
    if _is_internal(scope, settings):
        raise Refusal("origin_denied", "No session counts under this name: show a token.")
    origins = header(scope, b"origin")
    if scope["type"] == "http" and scope["method"] in _SAFE_METHODS and STAYS not in scope:
        return
    sites = header(scope, b"sec-fetch-site")
    if len(origins) > 1 or len(sites) > 1:
        raise Refusal("origin_denied")
    if sites and sites[0] in ("same-origin", "none"):
        return
    if not origins and not sites:
        return
    if not origins or not _is_allowed(origins[0], scope, settings):
        raise Refusal("origin_denied")


def check_socket_origin(connection: HTTPConnection, settings: Settings) -> None:
    """Judge a request by its `Origin` alone, as the handshake of the same page will be.

    Browsers put no `Sec-Fetch-Site` on a handshake, by which a request may have been let in.

    Raises:
        Refusal: `origin_denied`.
    """
    origins = header(connection.scope, b"origin")
    if origins and not _is_allowed(origins[0], connection.scope, settings):
        raise Refusal("origin_denied")


def _is_allowed(text: str, scope: Scope, settings: Settings) -> bool:
    origin = parse_origin(text)
    if origin is None:
        return False
    listed = listed_origins(settings.allowed_origins)
    return origin == own_origin(scope, settings) or origin in listed
