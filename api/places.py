"""Where a server is, and whom it hears there: the checks of those settings. Pure.

Each gives a setting's one spelling, or raises ValueError with the sentence for whoever set it.
"""

import re

from .addresses import is_loopback, parse_address, parse_network
from .origins import parse_authority, parse_origin

# A path that needs no escapes: it stands in cookies, links and addresses.
_PLACE = re.compile(r"(?P<origin>[^/]+//[^/]+)(?P<path>(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+)*)/?")
_AS_BROWSERS = "as browsers send them: a host in ASCII (xn--…), and no path"


def check_host(value: str) -> str:
    """`ITEMROOM_HOST`: what is listened on."""
    if "/" in value or "]:" in value or value.count(":") == 1:
        raise ValueError("ITEMROOM_HOST takes an address or a name; the port is ITEMROOM_PORT")
    address = parse_address(value)
    # A zone belongs to what is listened on.
    return value if address is None or "%" in value else str(address)


def check_port(value: object) -> object:
    """`ITEMROOM_PORT`, before it is read as a number."""
    if isinstance(value, str) and "://" in value:
        raise ValueError(
            f"ITEMROOM_PORT={value} is what Kubernetes and Docker set for a service named "
            "itemroom: set it yourself, or enableServiceLinks: false"
        )
    return value


def check_public_url(value: str) -> str:
    """`ITEMROOM_PUBLIC_URL`: where browsers keep the session cookie."""
    place = _PLACE.fullmatch(value)
    origin = None if place is None else parse_origin(place["origin"])
    if place is None or origin is None:
        raise ValueError(
            "ITEMROOM_PUBLIC_URL takes scheme and host, such as https://rooms.example.com, "
            "as browsers send them (in ASCII, xn--…), and perhaps the path that a proxy takes off, "
            "as https://example.com/rooms"
        )
    if origin.scheme == "http" and not is_loopback(origin.host):
        raise ValueError(
            f"ITEMROOM_PUBLIC_URL={origin} would send passwords in the clear, and browsers keep no "
            "Secure cookie there: set the https:// address of a proxy with TLS"
        )
    return f"{origin}{place['path']}"


def check_listed_origin(value: str) -> str:
    """One of `ITEMROOM_ALLOWED_ORIGINS`."""
    if parse_origin(value) is None:
        raise ValueError(
            "ITEMROOM_ALLOWED_ORIGINS takes full origins such as https://app.example.com, "
            f"{_AS_BROWSERS}; a wildcard would let any page act with a visitor's cookie"
        )
    return value.lower()


def check_internal_host(value: str) -> str:
    """One of `ITEMROOM_INTERNAL_HOSTS`."""
    parsed = parse_authority(value)
    if parsed is None or parsed[1] is not None:
        raise ValueError(
            "ITEMROOM_INTERNAL_HOSTS takes names such as itemroom, without a port; a wildcard "
            "would let any page's name be one of ours"
        )
    return value.lower()


def check_proxy(value: str) -> str:
    """One of `ITEMROOM_TRUSTED_PROXIES`."""
    try:
        parse_network(value)
    except ValueError as error:
        raise ValueError(
            "ITEMROOM_TRUSTED_PROXIES takes addresses or networks such as 10.0.0.0/8; a wildcard "
            "would let any client claim any address"
        ) from error
    return value
