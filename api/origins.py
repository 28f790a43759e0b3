"""Origins and hosts, as `Origin` and `Host` headers have them, in the one spelling. Pure."""

import re
from typing import NamedTuple

from .addresses import parse_address

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
