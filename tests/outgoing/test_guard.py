import ipaddress
import socket
from typing import Any

import httpcore2
import pytest

from api.outgoing import guard
from api.outgoing.guard import Forbidden, Guard, is_public, resolve
from tests.outgoing.receiver import receiving

pytestmark = pytest.mark.anyio

PUBLIC = ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808", "2002:808:808::1", "::808:808"]
PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1"),
    *("::", "::1", "fe80::1", "fc00::1", "ff02::1", "fec0::1", "2001:db8::1", "2001::1"),
    # Of IPv4, in the clothes of IPv6.
    *("::ffff:127.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "64:ff9b::a9fe:a9fe"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1"),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_address_of_the_internet_may_be_called(text: str) -> None:
    """In either family, and where one stands in the other."""
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PRIVATE)
def test_address_of_a_machine_or_its_network_may_not(text: str) -> None:
    """However it is written."""
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "0x7f000001", "2130706433", "::1", "0.0.0.0", "fe80::1%lo"]
)
async def test_private_machine_is_not_connected_to(host: str) -> None:
    """By its name, and by the spellings that only a resolver understands."""
    with pytest.raises(Forbidden, match="ITEMROOM_OUTGOING_PRIVATE"):
        await Guard(private=False).connect_tcp(host, 80, timeout=1)


async def test_name_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that answers something else the next time is connected to where it was checked."""
    asked: list[str] = []

    def rebinding(host: str, *args: Any, **options: Any) -> Any:
        asked.append(host)
        first = "203.0.114.1" if asked == ["shop.example"] else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (first, 80))]

    connected: list[str] = []

    async def connect(self: Any, host: str, *args: Any) -> Any:
        connected.append(host)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    await Guard(private=False).connect_tcp("shop.example", 80)
    assert (asked, connected) == (["shop.example"], ["203.0.114.1"])


async def test_private_addresses_of_a_public_name_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that has some of both."""
    monkeypatch.setattr(guard, "resolve", lambda *_: ["127.0.0.1", "8.8.8.8", "??"])
    assert await Guard(private=False)._addresses("shop.example", 443) == ["8.8.8.8"]


async def test_next_address_is_tried_where_nobody_is_at_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when only IPv4 is listened to."""
    async with receiving() as receiver:
        port = int(receiver.url.rsplit(":", 1)[1].removesuffix("/hook"))
        monkeypatch.setattr(guard, "resolve", lambda *_: ["127.0.0.2", "127.0.0.1"])
        stream = await Guard(private=True).connect_tcp("shop.example", port, timeout=5)
        await stream.aclose()


async def test_nobody_at_any_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Nobody listens.
        port = taken.getsockname()[1]
        with pytest.raises(httpcore2.ConnectError):
            await Guard(private=True).connect_tcp("127.0.0.1", port, timeout=5)


@pytest.mark.parametrize("host", ["nobody.invalid", "a" * 64 + ".example", ".."])
def test_name_that_is_none_is_said(host: str) -> None:
    """Unknown, and such as cannot be."""
    with pytest.raises(httpcore2.ConnectError, match="name of no machine"):
        resolve(host, 80)


async def test_closed_guard_waits_for_no_name() -> None:
    """Its threads end."""
    over = Guard(private=True)
    over.close()
    with pytest.raises(RuntimeError):
        await over.connect_tcp("localhost", 1)
