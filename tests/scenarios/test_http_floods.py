"""Clients of HTTP that send without end: each is told why and is gone, and harms nobody else."""

import json
from collections.abc import Iterator

import orjson
import pytest

from tests.conftest import make_settings
from tests.scenarios.frames import TEXT, Answer, Raw, client_frame, dial
from tests.scenarios.joining import heard, joined
from tests.scenarios.test_floods import flooding
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.timeout(30)
HEAD = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
LOGIN = b"POST /auth/login" + HEAD + CHUNKED
FLOODS = {
    "pipelined_requests": (b"", b"GET /healthz" + HEAD + b"\r\n", 429, "rate_limited"),
    "pipelined_bodies": (
        b"",
        b"POST /auth/login" + HEAD + b"Content-Length: 2\r\n\r\n{}",
        429,
        "rate_limited",
    ),
    "headers": (b"GET /healthz" + HEAD, b"X: y\r\n", 431, "too_big"),
    "empty_headers": (b"GET /healthz" + HEAD, b"X:\r\n", 431, "too_big"),
    "a_header": (b"GET /healthz" + HEAD + b"X: ", b"y", 431, "too_big"),
    "a_path": (b"GET /", b"y", 431, "too_big"),
    "chunks": (LOGIN, b"400\r\n" + b"x" * 1024 + b"\r\n", 413, "too_big"),
    "tiny_chunks": (LOGIN, b"1\r\nx\r\n", 413, "too_big"),
    "a_chunks_extension": (LOGIN + b"1;", b"x", 413, "too_big"),
    "trailers": (LOGIN + b"0\r\n", b"X: y\r\n", 413, "too_big"),
    "a_body_of_nobody": (b"POST /nowhere" + HEAD + CHUNKED, b"1\r\nx\r\n", 404, "not_found"),
}


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Ada on a server that takes small bodies, so that much is soon too much."""
    changes = {"max_frame_bytes": 4096, "max_body_bytes": 1024, "login_failures": 0}
    folder = tmp_path_factory.mktemp("http-floods")
    with LiveServer(make_settings(folder, **changes)) as server:
        ada = server.person("ada")
        ada.create("room")
        yield ada


def answers(raw: Raw) -> list[Answer]:
    """All answers until the end."""
    found = []
    while True:
        try:
            found.append(raw.stream.answer())
        except (EOFError, ConnectionError):
            return found


@pytest.mark.parametrize(("first", "more", "status", "code"), FLOODS.values(), ids=FLOODS)
def test_a_flood_is_refused_with_its_reason_beside_others_who_are_answered(
    ada: Person, first: bytes, more: bytes, status: int, code: str
) -> None:
    """The flooder never stops to send: it can read why all the same, and then it is gone."""
    with dial(ada.server.url) as raw, joined(ada) as healthy:
        raw.send(first)
        with flooding(raw, more * (65536 // len(more))):
            for _ in range(3):
                healthy.send(client_frame(TEXT, orjson.dumps({"type": "publish", "body": 1})))
                assert heard(healthy, "ack", "error", "closing")["type"] == "ack"
            *before, last = answers(raw)
    assert (last.status, json.loads(last.body)["code"]) == (status, code)
    assert len(before) <= 40


def test_clients_that_reset_while_they_are_answered_leave_no_traceback(
    ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Of pipelined requests uvicorn tells only the newest that nobody waits any more."""
    for number in range(5):
        body = b'{"username":"visitor-%d","password":"correct horse battery"}' % number
        head = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        register = b"POST /auth/register" + HEAD + head + body
        with dial(ada.server.url, b"GET /healthz" + HEAD + b"\r\n" + register * 2) as raw:
            assert raw.stream.answer().status == 200
            raw.reset()
    assert ada.server.person("last").call("GET", "/auth/me").is_success
    assert not [record for record in caplog.records if record.exc_info]
