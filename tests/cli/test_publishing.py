import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from api.cli import publishing
from api.cli.failures import Failure
from api.cli.publishing import Publisher
from api.errors import Refusal
from tests.live import LiveServer

Answer = tuple[int, bytes] | None
"""Status and body; None: take the request, and drop the connection."""


@contextmanager
def playing(answers: list[Answer], forward: str = "") -> Iterator[tuple[str, list[Any]]]:
    """A server that gives these answers, and then those of another server; what it was sent."""
    sent: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append(json.loads(body))
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            real = httpx2.post(forward, content=body, headers=headers) if forward else None
            answer = answers.pop(0) if answers else (201, b'{"seq": 7}')
            if answer is None:
                return
            status, content = answer if real is None else (real.status_code, real.content)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", sent
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in tests."""
    monkeypatch.setattr(publishing, "FIRST_WAIT", 0.01)


def problem(status: int, code: str, **more: object) -> Answer:
    return status, json.dumps({"code": code, "detail": "Because.", **more}).encode()


def test_lost_answer_does_not_store_a_message_twice(server: LiveServer) -> None:
    """The connection broke after the commit: the same ref finds what is stored."""
    ada = server.person("ada")
    ada.create("order-17")
    real = f"{server.url}/items/order-17/messages"
    with playing([None, None], real) as (url, sent), Publisher(url, ada.token) as publisher:
        seq = publisher.publish("once")
        assert len(sent) == 3
    [message] = ada.call("GET", "/items/order-17/messages").json()["messages"]
    assert (message["seq"], message["body"]) == (seq, "once")


def test_server_that_cannot_now_is_asked_again_with_the_same_ref() -> None:
    """Also when a proxy answers in its place; the next message has another ref."""
    answers = [
        problem(503, "draining", retry_after=0.01),
        problem(429, "rate_limited"),
        (502, b"<h1>Bad Gateway</h1>"),
        (503, b"[]"),
    ]
    with playing(answers) as (url, sent), Publisher(url, "t") as publisher:
        assert publisher.publish("one") == 7
        assert publisher.publish("two") == 7
    assert len({message["ref"] for message in sent[:5]}) == 1
    assert sent[5]["ref"] != sent[0]["ref"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(403, "forbidden"), "forbidden"),
        (problem(401, "auth_expired"), "auth_expired"),
        (problem(418, "unheard_of"), "not_found"),
        ((200, b"<h1>Welcome to our hotspot</h1>"), "not_found"),
    ],
)
def test_final_answer_is_not_asked_for_again(answer: Answer, code: str) -> None:
    """Another try would bring the same."""
    with playing([answer]) as (url, sent), Publisher(url, "t") as publisher:
        with pytest.raises(Refusal) as refused:
            publisher.publish("hi")
        assert refused.value.code == code
        assert len(sent) == 1


def test_patience_ends() -> None:
    """With the last reason."""
    busy = problem(503, "busy", retry_after=60)
    with (
        playing([busy]) as (url, _),
        Publisher(url, "t", patience=1) as publisher,
        pytest.raises(Refusal, match="Because"),
    ):
        publisher.publish("hi")
    with Publisher(url, "t", patience=0.2) as publisher, pytest.raises(Failure, match="reached"):
        publisher.publish("hi")
