"""The opening handshake, without a connection."""

from http import HTTPStatus

import pytest

from api.errors import Refusal
from api.wire.requests import BadRequest
from api.wire.upgrade import answer, problem, read_upgrade, switching

KEY = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
VERSION = (b"sec-websocket-version", b"13")


def protocols(*values: bytes) -> list[tuple[bytes, bytes]]:
    return [KEY, VERSION, *((b"sec-websocket-protocol", value) for value in values)]


def test_accept_is_the_one_of_the_rfc() -> None:
    """RFC 6455, section 1.3."""
    upgrade = read_upgrade([(b"host", b"x"), KEY, VERSION])
    assert upgrade.accept == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert upgrade.subprotocols == []


def test_subprotocols_of_several_headers_are_one_list() -> None:
    """RFC 6455, section 11.3.4; empty elements do not count (RFC 9110, section 5.6.1.2)."""
    upgrade = read_upgrade(protocols(b"a, b.c", b"", b"\td,, ,"))
    assert upgrade.subprotocols == ["a", "b.c", "d"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([VERSION], 400),
        ([KEY, KEY, VERSION], 400),
        ([(KEY[0], b"abc"), VERSION], 400),
        ([(KEY[0], b"YWJj"), VERSION], 400),
        ([KEY], 426),
        ([KEY, VERSION, VERSION], 426),
        ([KEY, (VERSION[0], b"8")], 426),
        ([KEY, VERSION, (b"content-length", b"10")], 400),
        ([KEY, VERSION, (b"transfer-encoding", b"chunked")], 400),
        (protocols(b"a b"), 400),
        (protocols(b"a,;,b"), 400),
        (protocols(b""), 400),
    ],
)
def test_handshake_against_the_rfc_is_none(headers: list[tuple[bytes, bytes]], status: int) -> None:
    """Whoever speaks another version is told which one is understood."""
    with pytest.raises(BadRequest) as caught:
        read_upgrade(headers)
    assert caught.value.status == status
    assert ((b"sec-websocket-version", b"13") in caught.value.headers) is (status == 426)


@pytest.mark.parametrize("length", [b"0", b"0" * 5000])
def test_handshake_that_says_it_has_no_body_is_one(length: bytes) -> None:
    """Some clients say so of every request."""
    assert read_upgrade([KEY, VERSION, (b"content-length", length)]).accept


def test_answer_that_opens_has_what_it_should() -> None:
    """Each header once, and an empty line."""
    opened = switching(b"proof", "chosen", [(b"x-more", b"1")])
    start, *headers = opened.split(b"\r\n")
    assert start == b"HTTP/1.1 101 Switching Protocols"
    assert headers == [
        b"upgrade: websocket",
        b"connection: Upgrade",
        b"sec-websocket-accept: proof",
        b"sec-websocket-protocol: chosen",
        b"x-more: 1",
        b"",
        b"",
    ]
    assert b"sec-websocket-protocol" not in switching(b"proof", None, [])


def test_answer_says_its_length_once() -> None:
    """A header of the application's own counts."""
    assert answer(404, [], b"four").count(b"content-length: 4") == 1
    own = answer(404, [(b"Content-Length", b"4")], b"four")
    assert own.lower().count(b"content-length") == 1
    assert own.endswith(b"\r\nconnection: close\r\n\r\nfour")


def test_problem_is_a_document() -> None:
    """RFC 9457, as the application's own."""
    refused = problem(HTTPStatus.BAD_REQUEST, Refusal("malformed", "Say it again."))
    assert refused.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json\r\n" in refused
    assert b'"code": "malformed"' in refused
    assert b'"detail": "Say it again."' in refused
    assert b"retry" not in refused
    later = problem(HTTPStatus.SERVICE_UNAVAILABLE, Refusal("draining", retry_after=0.5))
    assert b"\r\nretry-after: 1\r\n" in later
    assert b'"retry_after": 0.5' in later
