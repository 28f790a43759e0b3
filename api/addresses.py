"""IP addresses in the one spelling in which they can be compared. Pure.

All comparing of addresses goes through here: proxies, rates, loopback, hosts.
"""

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# As headers, URLs and settings write them: in brackets, with a zone, with a port.
_WRITTEN = re.compile(
    r"\[(?P<boxed>[0-9a-f:.]+)(?:%[^\]]*)?\](?::[0-9]{1,5})?"
    r"|(?P<dotted>[0-9.]+)(?::[0-9]{1,5})?"
    r"|(?P<bare>[0-9a-f]*:[0-9a-f:.]*)(?:%.*)?",
    re.ASCII | re.IGNORECASE,
)
# Where a socket of IPv6 shows clients of IPv4 (RFC 4291, section 2.5.5.2).
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def parse_address(text: str) -> Address | None:
    """The address that a text names, without its port and its zone. None: it names none.

    `::ffff:192.0.2.1` is 192.0.2.1: the same client, seen through a socket of IPv6.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    try:
        address = ipaddress.ip_address(match["boxed"] or match["dotted"] or match["bare"])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse_network(text: str) -> Network:
    """The network, or the single address, that a setting names.

    Raises:
        ValueError: it names none, or an address within one.
    """
    network = ipaddress.ip_network(text.strip("[]"))
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        first = parse_address(str(network.network_address))
        return ipaddress.ip_network(f"{first}/{network.prefixlen - _MAPPED.prefixlen}")
    return network


def is_loopback(host: str) -> bool:
    """Whether only this machine is reached by that name or address (RFC 6761, section 6.3)."""
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = parse_address(host)
    return address is not None and address.is_loopback


def local_url(host: str, port: object) -> str:
    """Where programs on this machine reach a server, also one that listens everywhere."""
    address = parse_address(host)
    if address is not None and address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
