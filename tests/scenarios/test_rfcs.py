"""What RFC 9110, 9112 and 6455 allow is let in, what they forbid is not: by raw sockets."""

import json
import socket

import pytest

from api.wire.http import PIPELINE_BURST
from tests.scenarios.frames import Answer, Raw, dial
from tests.scenarios.raw_requests import BODY, asked, post, request
from tests.serving import Person

pytestmark = pytest.mark.timeout(60)


OFFERS = {
    "java": ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA"),
    "tls": ("Connection: upgrade", "Upgrade: TLS/1.0, HTTP/2.0"),
    "websocket": ("Connection: Upgrade", "Upgrade: websocket"),
    "several_lines": ("Upgrade: foo", "Connection: TE", "Upgrade: bar", "Connection: Upgrade"),
    "through_a_proxy": ("Proxy-Connection: Upgrade", "Upgrade: websocket"),
}


@pytest.mark.parametrize("lines", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_behind_an_offered_upgrade_is_kept(
    ada: Person, lines: tuple[str, ...], *, chunked: bool
) -> None:
    """The offer is ignored, and the next request on the connection answered too."""
    body, framing = BODY, None
    if chunked:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        framing = "Transfer-Encoding: chunked"
    data = post(ada, *lines, body=body, framing=framing)
    with dial(ada.server.url, data + data) as raw:
        seqs = [json.loads(until_length(raw).body)["seq"] for _ in range(2)]
    assert seqs[1] == seqs[0] + 1
    stored = ada.call("GET", "/items/room/messages?limit=2").json()["messages"]
    assert [(message["seq"], message["body"]) for message in stored] == [(n, "hi") for n in seqs]


def until_length(raw: Raw) -> Answer:
    answer = raw.stream.answer()
    assert answer.status == 201, answer
    return answer


def test_a_body_in_single_bytes_behind_an_offer_is_kept(ada: Person) -> None:
    """However the network cuts it."""
    with dial(ada.server.url) as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post(ada, *OFFERS["java"]):
            raw.send(bytes([byte]))
        assert raw.stream.answer().status == 201


def test_offers_in_one_piece_are_read_one_after_the_other(ada: Person) -> None:
    """As many as may wait for the answers to those before them."""
    head = request("GET /healthz HTTP/1.1", "Connection: Upgrade", "Upgrade: h2c")
    with dial(ada.server.url, head * (PIPELINE_BURST + 1)) as raw:
        for _ in range(PIPELINE_BURST + 1):
            assert raw.stream.answer().status == 200


GET = "GET /healthz HTTP/1.1"
TAKEN = {
    "absolute": (request("GET http://127.0.0.1/healthz HTTP/1.1"), 200),
    "absolute_without_a_path": (request("GET http://127.0.0.1 HTTP/1.1"), 200),
    "absolute_with_only_a_query": (request("GET http://127.0.0.1?a=b HTTP/1.1"), 200),
    "absolute_to_ipv6": (request("GET HTTP://[::1]:8000/healthz HTTP/1.1"), 200),
    "absolute_over_another_host": (
        request("GET http://localhost/healthz HTTP/1.1", host="Host: evil.example"),
        200,
    ),
    "asterisk": (request("OPTIONS * HTTP/1.1"), 204),
    "head": (request("HEAD /healthz HTTP/1.1"), 200),
    "http_1_0_without_a_host": (request("GET /healthz HTTP/1.0", host=None), 200),
    "http_1_0_and_absolute": (request("GET http://127.0.0.1/healthz HTTP/1.0", host=None), 200),
    "http_1_0_and_keep_alive": (request("GET /healthz HTTP/1.0", "Connection: keep-alive"), 200),
    "white_space": (request(GET, "X: \t a \t ", host="Host:\t127.0.0.1 \t"), 200),
    "odd_lists": (request(GET, "Connection: , TE,,", "TE: ", "Accept:"), 200),
    "upgrade_not_in_connection": (request(GET, "Upgrade: h2c"), 200),
    "connection_without_an_upgrade": (request(GET, "Connection: Upgrade"), 200),
    "line_end_before": (b"\r\n" + request(GET), 200),
}


@pytest.mark.parametrize(("data", "status"), TAKEN.values(), ids=TAKEN)
def test_a_request_that_the_rfcs_allow_is_taken(ada: Person, data: bytes, status: int) -> None:
    """In each form of target, and with lists as they may be written."""
    with dial(ada.server.url, data) as raw:
        head = raw.stream.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)


HOST = "Host: 127.0.0.1"
CHUNKED = "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(BODY)}"
REFUSED = {
    "no_host": (request(GET, host=None), 400),
    "two_hosts": (request(GET, HOST), 400),
    "two_hosts_but_absolute": (request("GET http://127.0.0.1/healthz HTTP/1.1", HOST), 400),
    "bad_host_but_absolute": (
        request("GET http://127.0.0.1/healthz HTTP/1.1", host="Host: a b"),
        400,
    ),
    "absolute_to_another_host": (request("GET http://evil.example/healthz HTTP/1.1"), 400),
    "absolute_with_a_user": (request("GET http://a@127.0.0.1/healthz HTTP/1.1"), 400),
    "asterisk_of_get": (request("GET * HTTP/1.1"), 400),
    "authority": (request("GET 127.0.0.1:80 HTTP/1.1"), 400),
    "connect": (request("CONNECT 127.0.0.1:80 HTTP/1.1"), 400),
    "fragment": (request("GET /healthz#x HTTP/1.1"), 400),
    "space_in_the_target": (request("GET /heal thz HTTP/1.1"), 400),
    "byte_beyond_ascii_in_the_target": (request("GET /caf\xe9 HTTP/1.1"), 400),
    "http_2": (request("GET /healthz HTTP/2.0"), 505),
    "http_2_preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "no_http": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "space_before_the_colon": (request(GET, "X : a"), 400),
    "space_before_a_name": (request(GET, " X: a"), 400),
    "folded_line": (request(GET, "X: a\r\n b"), 400),
    "no_colon": (request(GET, "X"), 400),
    "no_name": (request(GET, ": a"), 400),
    "bare_line_feed": (request(GET, "X: a\nY: b"), 400),
    "bare_carriage_return": (request(GET, "X: a\rY: b"), 400),
    "nul": (request(GET, "X: a\0"), 400),
    "length_and_chunked": (request("POST /items HTTP/1.1", LENGTH, CHUNKED) + BODY, 400),
    "chunked_and_length": (request("POST /items HTTP/1.1", CHUNKED, LENGTH) + BODY, 400),
    "two_lengths": (request("POST /items HTTP/1.1", LENGTH, "Content-Length: 3") + BODY, 400),
    "list_of_lengths": (request("POST /items HTTP/1.1", "Content-Length: 13, 3") + BODY, 400),
    "signed_length": (request("POST /items HTTP/1.1", "Content-Length: +13") + BODY, 400),
    "chunked_twice": (request("POST /items HTTP/1.1", CHUNKED, CHUNKED), 400),
    "not_chunked_last": (request("POST /items HTTP/1.1", "Transfer-Encoding: chunked, x"), 400),
    "like_chunked": (request("POST /items HTTP/1.1", "Transfer-Encoding: xchunked"), 501),
    "another_coding": (request("POST /items HTTP/1.1", "Transfer-Encoding: gzip, chunked"), 501),
    "chunked_in_http_1_0": (request("POST /items HTTP/1.0", CHUNKED), 400),
    "chunk_with_0x": (request("POST /items HTTP/1.1", CHUNKED) + b"0x1\r\n", 400),
    "chunk_without_end": (request("POST /items HTTP/1.1", CHUNKED) + b"f" * 17 + b"\r\n", 400),
}


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_a_request_against_the_rfcs_is_refused_with_a_problem(
    ada: Person, data: bytes, status: int
) -> None:
    """Above all what two servers in a row could read as different requests."""
    answer = asked(ada, data)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body)["code"] == "malformed"


def test_trailers_are_no_headers(ada: Person) -> None:
    """A credential behind the body is none (RFC 9110, section 6.5.1)."""
    body = b"%x\r\n%b\r\n0\r\nAuthorization: Bearer %b\r\nX: y\r\n\r\n"
    body %= (len(BODY), BODY, ada.token.encode())
    head = request("POST /items/room/messages HTTP/1.1", CHUNKED, "Content-Type: application/json")
    answer = asked(ada, head + body)
    assert (answer.status, json.loads(answer.body)["code"]) == (401, "auth_missing")


def test_an_expected_100_comes_before_the_body(ada: Person) -> None:
    """And not to HTTP/1.0, which does not know it (RFC 9110, section 10.1.1)."""
    data = post(ada, "Expect: 100-Continue", body=b"", framing=LENGTH)
    with dial(ada.server.url, data) as raw:
        assert raw.stream.answer().status == 100
        raw.send(BODY)
        assert raw.stream.answer().status == 201
    old = (data + BODY).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert asked(ada, old).status == 201


def test_a_body_that_is_not_wanted_is_refused_before_it_comes(ada: Person) -> None:
    """In the place of the 100, and with the end of the connection."""
    answer = asked(ada, post(ada, "Expect: 100-continue", framing="Content-Length: 9999999"))
    assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_head_answers_as_get_without_a_body(ada: Person) -> None:
    """The same length, and the next answer right behind the head."""
    lines = (f"Authorization: Bearer {ada.token}",)
    data = request("HEAD /items/room HTTP/1.1", *lines) + request(
        "GET /items/room HTTP/1.1", *lines
    )
    with dial(ada.server.url, data) as raw:
        head = raw.stream.until(b"\r\n\r\n").lower()
        answer = raw.stream.answer()
    assert b"content-length: %d\r\n" % len(answer.body) in head
    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/items", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/items/room", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("PUT", "/items/room/messages", "GET, HEAD, POST, OPTIONS"),
        ("PUT", "/items/room/messages/1", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("HEAD", "/auth/login", "POST, OPTIONS"),
        ("TRACE", "/healthz", "GET, HEAD, OPTIONS"),
        ("POST", "/", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_a_path_lacks_is_answered_with_those_it_has(
    ada: Person, method: str, path: str, allowed: str
) -> None:
    """All of them, from whichever of the routes; OPTIONS tells the same."""
    with dial(ada.server.url, request(f"{method} {path} HTTP/1.1")) as raw:
        head = raw.stream.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")
    assert f"\r\nallow: {allowed}\r\n".encode() in head
    told = asked(ada, request(f"OPTIONS {path} HTTP/1.1"))
    assert (told.status, told.headers["allow"]) == (204, allowed)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_every_method_that_the_description_has_is_allowed(ada: Person, method: str) -> None:
    """OpenAPI and `Allow` name the same, for each path."""
    paths = ada.call("GET", "/openapi.json").json()["paths"]
    for path, calls in paths.items():
        concrete = path.replace("{", "").replace("}", "").replace("seq", "1")
        allowed = asked(ada, request(f"OPTIONS {concrete} HTTP/1.1")).headers["allow"].split(", ")
        described = method.lower() in calls or (method == "HEAD" and "get" in calls)
        assert (method in allowed) is described, path
