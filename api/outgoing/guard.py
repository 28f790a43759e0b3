"""Where a call may go: decided for the address that is connected to, not for its name."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import httpcore2

from ..addresses import Address, parse_address

# Each may wait for a name as long as the system's resolver does. Of its own: names that nobody
# answers for must not hold the threads that others of this process use.
RESOLVERS = 4
MAX_ADDRESSES = 4  # Of one name, tried in turn.
# Where an address of IPv4 stands within one of IPv6, and at which bit it ends: translated
# (RFC 6052, section 2.1), 6to4 (RFC 3056, section 2), and compatible (RFC 4291, section 2.5.5.1).
_EMBEDDING = (
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("::/96"), 0),
)
# Of the machine's own network in all but its name: local use of the translation (RFC 8215), and
# what was meant to be site-local (RFC 3879, section 4).
_LOCAL = (ipaddress.IPv6Network("64:ff9b:1::/48"), ipaddress.IPv6Network("fec0::/10"))


class Forbidden(httpcore2.ConnectError):
    """A name that leads to this machine or its network only. Its text may be shown."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's: neither this machine's nor its network's."""
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in _LOCAL):
            return False
        for network, bits in _EMBEDDING:
            if address in network:
                return is_public(ipaddress.IPv4Address(int(address) >> bits & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast


class Guard(httpcore2.AnyIOBackend):
    """Connects to addresses, never to names: what was checked is what is connected to.

    A name that says something else when it is asked again (DNS rebinding) gains nothing by that.

    Args:
        private: whether this machine and its network may be called.
    """

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first of a name's addresses that lets us.

        Raises:
            Forbidden: none of its addresses may be called.
            httpcore2.ConnectError: there is no such name, or nobody is there.
        """
        *others, last = await self._addresses(host, port)
        for address in others:
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await super().connect_tcp(last, port, timeout, local_address, socket_options)

    def close(self) -> None:
        """Wait for no name any more."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def _addresses(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._resolvers, resolve, host, port
        )
        allowed = [text for text in found if self._private or _may_be_called(text)]
        if not allowed:
            raise Forbidden(
                f"{host} is on this machine or its network, which may not be called "
                "unless ITEMROOM_OUTGOING_PRIVATE says so"
            )
        return allowed[:MAX_ADDRESSES]


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, in the system's order. Blocks.

    Raises:
        httpcore2.ConnectError: there is no such name.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"{host} is the name of no machine") from error
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _may_be_called(text: str) -> bool:
    address = parse_address(text)
    return address is not None and is_public(address)
