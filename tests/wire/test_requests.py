"""The head of a request, without a connection."""

from http import HTTPStatus

import pytest

from api.wire.requests import BadRequest, check_framing, elements, read_target, wants_socket

HOST = (b"host", b"x")


def test_list_is_read_over_lines_and_past_empty_elements() -> None:
    """RFC 9110, sections 5.3 and 5.6.1.2."""
    headers = [(b"a", b", B ,,c\t"), HOST, (b"a", b""), (b"a", b"D")]
    assert list(elements(headers, b"a")) == [b"b", b"c", b"d"]


ASKED = [(b"connection", b"keep-alive, Upgrade"), (b"upgrade", b"h2c, WebSocket")]


@pytest.mark.parametrize(
    ("method", "version", "headers", "wanted"),
    [
        (b"GET", "1.1", ASKED, True),
        (b"POST", "1.1", ASKED, False),
        (b"GET", "1.0", ASKED, False),
        (b"GET", "1.1", ASKED[:1], False),
        (b"GET", "1.1", ASKED[1:], False),
        (b"GET", "1.1", [ASKED[0], (b"upgrade", b"websocket/2")], False),
    ],
)
def test_socket_is_wanted_by_a_get_that_lists_both(
    method: bytes, version: str, headers: list[tuple[bytes, bytes]], *, wanted: bool
) -> None:
    """RFC 6455, section 4.2.1; an upgrade in HTTP/1.0 is ignored (RFC 9110, section 7.8)."""
    assert wants_socket(method, version, headers) is wanted


@pytest.mark.parametrize(
    ("version", "coding", "status"),
    [("2.0", None, 505), ("0.9", None, 505), ("1.0", b"chunked", 400), ("1.1", b"gzip, c", 501)],
)
def test_framing_that_cannot_be_read_is_refused(
    version: str, coding: bytes | None, status: int
) -> None:
    """RFC 9112, section 6.1."""
    headers = [HOST] if coding is None else [HOST, (b"transfer-encoding", coding)]
    with pytest.raises(BadRequest) as caught:
        check_framing(version, headers)
    assert caught.value.status == HTTPStatus(status)


@pytest.mark.parametrize(
    ("method", "url", "path"),
    [
        (b"GET", b"/a?b?c", b"/a?b?c"),
        (b"GET", b"//a", b"//a"),
        (b"GET", b"http://h:1/a?b", b"/a?b"),
        (b"GET", b"HTTPS://[::1]/a", b"/a"),
        (b"GET", b"ws://h/a", b"/a"),
        (b"GET", b"http://h", b"/"),
        (b"GET", b"http://h?b", b"/?b"),
        (b"OPTIONS", b"*", b"*"),
        (b"OPTIONS", b"http://h", b"*"),
        (b"OPTIONS", b"http://h/", b"/"),
        (b"OPTIONS", b"http://h?", b"/?"),
    ],
)
def test_target_of_every_form_becomes_a_path(method: bytes, url: bytes, path: bytes) -> None:
    """RFC 9112, section 3.2."""
    assert read_target(method, "1.1", url, [HOST]) == path


@pytest.mark.parametrize(
    "url",
    [
        b"*",
        b"h:80",
        b"/a#b",
        b"http://h/a#b",
        b"http:///a",
        b"http://user@h/a",
        b"http://h:99999/",
        b"ftp://h/a",
        b"mailto:x",
    ],
)
def test_target_of_no_form_is_refused(url: bytes) -> None:
    """A fragment and a user's name are never part of one."""
    with pytest.raises(BadRequest):
        read_target(b"GET", "1.1", url, [HOST])


@pytest.mark.parametrize(
    ("version", "hosts", "seen"),
    [
        ("1.1", [b"x"], [b"h:1"]),
        ("1.1", [], []),
        ("1.1", [b"x", b"y"], [b"x", b"y"]),
        ("1.1", [b"x y"], [b"x y"]),
        ("1.0", [], [b"h:1"]),
    ],
)
def test_host_of_the_target_wins_over_a_single_good_one(
    version: str, hosts: list[bytes], seen: list[bytes]
) -> None:
    """RFC 9112, sections 3.2 and 3.2.2: what makes a request bad does so all the same."""
    headers = [(b"host", host) for host in hosts]
    read_target(b"GET", version, b"http://h:1/", headers)
    assert [value for _, value in headers] == seen
