"""Addresses: one spelling, whoever wrote them."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.addresses import is_loopback, parse_address, parse_network


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:443", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
    ],
)
def test_address_has_one_spelling(text: str, spelled: str) -> None:
    """Port, brackets, zone, case and the clothes of IPv6 make no difference."""
    assert str(parse_address(text)) == spelled


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "localhost",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.1 ",
        "192.0.2.1:",
        "192.0.2.1%eth0:1:2",
        "[192.0.2.1",
        "[::1]x",
        "[::1]:port",
        "::ffff:192.0.2.1:443",
        "1::2::3",
        "::1\n",
        "\u0661.1.1.1",
    ],
)
def test_text_that_names_no_address_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert parse_address(text) is None


@given(st.ip_addresses())
@example(ipaddress.ip_address("::ffff:0.0.0.0"))
def test_any_address_is_read_back_as_the_same(address: ipaddress.IPv4Address) -> None:
    """What is written in the one spelling stays as it is."""
    parsed = parse_address(str(address))
    assert parsed is not None
    assert parse_address(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("10.0.0.0/8", "::ffff:10.9.8.7", "11.0.0.1"),
        ("::ffff:10.0.0.0/104", "10.9.8.7", "11.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
        ("[::ffff:10.0.0.1]", "10.0.0.1", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
        ("[2001:db8::1]", "2001:db8::1", "2001:db8::2"),
        ("fe80::/10", "fe80::1%eth0", "2001:db8::1"),
        ("::/0", "2001:db8::1", "10.0.0.1"),
    ],
)
def test_network_has_whom_it_names_and_nobody_else(text: str, inside: str, outside: str) -> None:
    """Written for IPv4 or in the clothes of IPv6, it is the same network."""
    network = parse_network(text)
    assert parse_address(inside) in network
    assert parse_address(outside) not in network


@pytest.mark.parametrize("text", ["*", "", "10.0.0.1/8", "10.0.0.1:80", "proxy", "::ffff:0:0/200"])
def test_network_that_is_none_is_refused(text: str) -> None:
    """Also an address within a network, which is most likely a mistake."""
    with pytest.raises(ValueError, match=r"IPv4|IPv6|host bits"):
        parse_network(text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("rooms.localhost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.example", False),
        ("notlocalhost", False),
        ("::ffff:192.0.2.1", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, *, loopback: bool) -> None:
    """By name or by address."""
    assert is_loopback(host) is loopback
