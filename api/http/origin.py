"""Whose page is asking? The session cookie counts only for our own pages and listed ones."""

import re
from functools import lru_cache
from typing import NamedTuple

from starlette.requests import HTTPConnection
from starlette.types import Scope

from api.addresses import parse_address
from api.errors import Refusal
from api.http.scopes import header
from api.settings import Settings

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9_])?)(?::(?P<port>[0-9]{1,5}))?"
_AUTHORITY = re.compile(_HOST, re.ASCII | re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_ORIGIN_LENGTH = 300  # A host name has at most 253 characters.


class Origin(NamedTuple):
    """Scheme, host and port, in the one spelling that can be compared."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """As browsers write it: without the scheme's own port."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def parse_origin(text: str) -> Origin | None:
    """An `Origin` header's value. None: not an http(s) origin; so `null` equals nothing."""
    scheme, separator, authority = text.partition("://")
    scheme = scheme.lower()
    parsed = parse_authority(authority)
    if not separator or scheme not in _DEFAULT_PORTS or parsed is None:
        return None
    host, port = parsed
    return Origin(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port)


def parse_authority(text: str) -> tuple[str, int | None] | None:
    """Host in its one spelling, and port, of a `Host` header or an origin. None: neither."""
    match = _AUTHORITY.fullmatch(text) if len(text) <= MAX_ORIGIN_LENGTH else None
    if match is None:
        return None
    host, port = match["host"].lower(), match["port"]
    if port is not None and int(port) > 65535:
        return None
    if host.startswith("["):
        address = parse_address(host)
        if address is None:
            return None
        # One of IPv4 in the clothes of IPv6 needs no brackets.
        host = f"[{address}]" if address.version == 6 else str(address)
    return host, None if port is None else int(port)


@lru_cache(maxsize=16)
def listed_origins(texts: tuple[str, ...]) -> frozenset[Origin]:
    """`allowed_origins`, parsed.

    Raises:
        ValueError: one of them could never be sent by a browser.
    """
    origins = {parse_origin(text) for text in texts}
    if None in origins:
        raise ValueError(
            "ITEMROOM_ALLOWED_ORIGINS takes origins as browsers send them: scheme, host in ASCII "
            "and port, such as https://app.example.com"
        )
    return frozenset(origin for origin in origins if origin is not None)


def own_origin(scope: Scope, settings: Settings) -> Origin | None:
    """Where our own pages come from: `public_url`, else the host that was asked for.

    The host check has let this `Host` in, so that no stranger's name can make itself ours.
    """
    if settings.public_url is not None:
        return parse_origin(settings.public_url)
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    hosts = header(scope, b"host")
    return parse_origin(f"{scheme}://{hosts[0]}") if len(hosts) == 1 else None


def check_cookie_origin(connection: HTTPConnection, settings: Settings) -> None:
    """Raise Refusal unless a page that may use the session cookie sent this.

    A request that changes nothing is always let through, since others cannot read the answer.
    One that does, and a socket, which the same-origin policy does not cover, go by what browsers
    say of the sender. When nothing is said at all, no browser sent it: they put an `Origin` on
    every such request and on every handshake (RFC 6455, section 4.1), and `Sec-Fetch-Site` on all
    to a secure host.

    Raises:
        Refusal: `origin_denied`.
    """
    scope = connection.scope
    origins = header(scope, b"origin")
    if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
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


def _is_allowed(text: str, scope: Scope, settings: Settings) -> bool:
    origin = parse_origin(text)
    if origin is None:
        return False
    listed = listed_origins(settings.allowed_origins)
    return origin == own_origin(scope, settings) or origin in listed
