"""Clients that hold on, flood or stall, over real sockets: each harms only itself."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.conftest import Serve
from tests.deadlines import scaled
from tests.serving import LiveServer, Person

HANDSHAKE = (
    "GET /items/{item}/ws?token={token} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)
DEADLINE = scaled(10)  # Seconds after which a test gives up on the server.


@contextlib.contextmanager
def dial(server: LiveServer, *, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    """A raw connection; a small receive buffer makes a client that does not read felt soon."""
    raw = socket.socket()
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(DEADLINE)
    with raw:
        raw.connect(("127.0.0.1", server.port))
        yield raw


def read_all(raw: socket.socket) -> bytes:
    """Whatever comes until the end; a reset is an end too."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := raw.recv(65536):
            got += piece
    return got


def answer(raw: socket.socket) -> bytes:
    """One answer whose body is JSON; it may come in pieces."""
    got = b""
    while not got.endswith(b"}"):
        piece = raw.recv(65536)
        assert piece, got
        got += piece
    return got


def enter(raw: socket.socket, person: Person, item: str) -> bytes:
    """Shake hands; the answer and what came with it."""
    raw.sendall(HANDSHAKE.format(item=item, token=person.token, more="").encode())
    got = raw.recv(65536)
    while b"\r\n\r\n" not in got:
        got += raw.recv(65536)
    assert got.startswith(b"HTTP/1.1 101"), got
    return got


def masked(first: int, payload: bytes = b"") -> bytes:
    """A short frame of a client, with a mask of zeros."""
    return bytes((first, 0x80 | len(payload))) + b"\0\0\0\0" + payload


@pytest.fixture
def hasty(serve: Serve) -> LiveServer:
    """A server with short waits and small buffers."""
    return serve(
        handshake_timeout=1,
        message_timeout=0.3,
        close_timeout=0.3,
        stall_timeout=0.4,
        write_buffer_bytes=16384,
        publish_rate=0,
    )


@pytest.fixture
def ada(hasty: LiveServer) -> Person:
    """The admin of `doc`."""
    person = hasty.person("ada")
    person.create("doc")
    return person


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "],
    ids=["silent", "half-a-line", "half-the-headers"],
)
def test_client_that_does_not_finish_its_headers_is_dropped(
    hasty: LiveServer, beginning: bytes
) -> None:
    """Silence or a byte now and then: the connection is gone in time."""
    with dial(hasty) as raw:
        raw.sendall(beginning)
        assert read_all(raw) == b""


def test_second_request_that_does_not_end_is_dropped(hasty: LiveServer) -> None:
    """A kept-alive connection is watched like a new one."""
    with dial(hasty) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert answer(raw).startswith(b"HTTP/1.1 200")
        raw.sendall(b"GET /heal")
        assert read_all(raw) == b""


@pytest.mark.parametrize(
    ("more", "item", "status"),
    [
        ("X-Huge: " + "x" * 30_000 + "\r\n", "doc", 431),
        ("X: y\r\n" * 3000, "doc", 431),
        ("", "d" * 20_000, 431),
        ("Content-Length: 3\r\n", "doc", 400),
        ("Transfer-Encoding: chunked\r\n", "doc", 400),
    ],
    ids=["block", "count", "path", "body", "chunked"],
)
def test_handshake_that_is_too_large_is_answered(
    hasty: LiveServer, ada: Person, more: str, item: str, status: int
) -> None:
    """An answer and an end: nobody is left waiting."""
    with dial(hasty) as raw:
        raw.sendall(HANDSHAKE.format(item=item, token=ada.token, more=more).encode())
        head, _, body = read_all(raw).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(body)["status"] == status


def test_headers_that_never_end_are_refused_by_their_size(hasty: LiveServer) -> None:
    """Nobody collects megabytes of a header."""
    with dial(hasty) as raw:
        with contextlib.suppress(ConnectionError):
            raw.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 4_000_000)
        assert read_all(raw)[:12] in {b"HTTP/1.1 431", b""}


def test_upgrade_from_http_1_0_is_refused(hasty: LiveServer, ada: Person) -> None:
    """RFC 6455, section 4.1: HTTP/1.1 or higher; the upgrade is ignored (RFC 9110, 7.8)."""
    request = HANDSHAKE.format(item="doc", token=ada.token, more="")
    with dial(hasty) as raw:
        raw.sendall(request.replace("HTTP/1.1", "HTTP/1.0").encode())
        assert read_all(raw).startswith(b"HTTP/1.1 426")


def test_half_a_message_is_cut(hasty: LiveServer, ada: Person) -> None:
    """A frame that has begun must end: `too_slow`, and the code that says so."""
    with dial(hasty) as raw:
        enter(raw, ada, "doc")
        raw.sendall(masked(0x81, b"x" * 100)[:20])
        got = read_all(raw)
    assert b'"reason":"too_slow"' in got
    assert got.endswith(b"\x03\xf0too_slow")


def test_fragments_without_end_are_cut(hasty: LiveServer, ada: Person) -> None:
    """Empty fragments cost memory too."""
    with dial(hasty) as raw:
        enter(raw, ada, "doc")
        raw.sendall(masked(0x01) + masked(0x00) * 1000)
        got = read_all(raw)
    assert got.endswith(b"\x03\xf0fragment_limit")


def test_flood_of_pings_that_reads_nothing_is_bounded_and_cut(serve: Serve) -> None:
    """The pongs owed to a client that takes none stay below its write buffer."""
    server = serve(write_buffer_bytes=16384, ping_interval=0.3, ping_timeout=0.3)
    ada = server.person("ada")
    ada.create("doc")
    flood = masked(0x89, b"x" * 125) * 500
    sent, end = 0, time.monotonic() + DEADLINE
    with dial(server, receive_buffer=4096) as raw:
        enter(raw, ada, "doc")
        raw.settimeout(0.2)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    sent += raw.send(flood)
        assert time.monotonic() < end, "never cut"
    # What the kernel's buffers took; no more was ever read, so no more could be owed.
    assert sent < 30_000_000


def test_stalled_reader_is_cut_and_lets_the_server_stop(hasty: LiveServer, ada: Person) -> None:
    """It never reads: it loses its connection, and does not keep the others or the shutdown."""
    message = {"body": "x" * 16_000}
    cut = 'itemroom_sockets_refused_total{code="slow_consumer"} 1.0'
    headers = {"Authorization": f"Bearer {ada.token}"}
    with (
        dial(hasty, receive_buffer=4096) as raw,
        httpx2.Client(base_url=hasty.url, headers=headers) as client,
    ):
        enter(raw, ada, "doc")
        end = time.monotonic() + 5 * DEADLINE
        while cut not in client.get("/metrics").text:
            assert time.monotonic() < end, "never cut"
            for _ in range(20):  # Some two hundred fill what the kernel buffers.
                assert client.post("/items/doc/messages", json=message).status_code == 201
        begun = time.monotonic()
        hasty.stop()
        assert time.monotonic() - begun < DEADLINE


def test_client_that_answers_no_ping_is_dropped(serve: Serve) -> None:
    """Half-open connections do not stay."""
    server = serve(ping_interval=0.2, ping_timeout=0.2)
    ada = server.person("ada")
    ada.create("doc")
    with dial(server) as raw:
        enter(raw, ada, "doc")
        assert b"\x89\x00" in read_all(raw)


def test_client_that_does_not_answer_a_close_is_dropped(hasty: LiveServer, ada: Person) -> None:
    """Our close frame, then the end, whatever it does."""
    with dial(hasty) as raw:
        enter(raw, ada, "doc")
        assert ada.call("DELETE", "/items/doc").status_code == 204
        assert read_all(raw).endswith(b"\x03\xf0item_deleted")
