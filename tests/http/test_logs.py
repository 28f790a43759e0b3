"""The log: one line a record, readable, and without a secret."""

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api.http.logs import HIDDEN, JsonFormatter, TextFormatter, configure, escape, redact
from tests import loggers
from tests.conftest import Serve, make_settings

CANARY = "zq7-Canary_9"
KEY = f"irk_{CANARY}"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJ{CANARY}.s_{CANARY}"


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    """A record as a logger would make it."""
    made = logging.LogRecord(
        "uvicorn.error", logging.INFO, "", 1, message, arguments, more.get("exc_info")
    )
    made.stack_info = more.get("stack_info")
    return made


@pytest.mark.parametrize(
    "line",
    [
        f'127.0.0.1:1 - "WebSocket /items/a/ws?token={CANARY}" [accepted]',
        f'127.0.0.1:1 - "WebSocket /items/a/ws?after=3&ticket={CANARY}&tail=5" 403',
        f'127.0.0.1:1 - "GET /x?%74oken={CANARY} HTTP/1.1" 200',
        f'127.0.0.1:1 - "GET /x?{CANARY} HTTP/1.1" 200',
        f'127.0.0.1:1 - "GET /items/{JWT}/ws HTTP/1.1" 404',
        f"> authorization: Bearer {CANARY}",
        f"> Cookie: a=b; session={CANARY}; c={CANARY}",
        f"(b'cookie', b'session={CANARY}')",
        f"{{'set-cookie': 'session={CANARY}; HttpOnly'}}",
        f"Sec-WebSocket-Protocol: itemroom.v1.json, bearer.{CANARY}",
        f"offered ['itemroom.v1.json', 'bearer.{CANARY}']",
        f"got Bearer {CANARY}.",
        f'body {{"username": "ada", "password": "{CANARY} with \\" blanks {CANARY}"}}',
        f"body {{'password': 'it\\'s {CANARY}'}}",
        f"new_password={CANARY}&x=1",
        f"client_secret: {CANARY}",
        f"api_key={CANARY}",
        f"Shown(token='{CANARY}', ticket=None)",
        f"session={CANARY}",
        f"itemroom_session={CANARY}",
        f"decoding {JWT} failed",
        f"looking for {KEY}",
        f"#/invite/iri_{CANARY} was opened",
        f"decoding {JWT.replace('.', '%2E')} failed",
    ],
)
def test_credential_in_a_line_is_hidden(line: str) -> None:
    """Wherever credentials have been seen in logs of this stack."""
    hidden = redact(line)
    assert CANARY not in hidden
    assert HIDDEN in hidden
    assert redact(hidden).count(HIDDEN) <= hidden.count(HIDDEN) + 1


@pytest.mark.parametrize(
    "line",
    [
        '127.0.0.1:1 - "WebSocket /items/order-17/ws?after=12&tail=5" [accepted]',
        '127.0.0.1:1 - "GET /items?limit=50 HTTP/1.1" 200',
        "Application startup complete.",
        "session 12 has ended",
        "3 tokens were revoked; why? nobody knows",
        "internal error 0123456789abcdef: KeyError",
    ],
)
def test_line_without_a_credential_stays(line: str) -> None:
    """A log that hides everything would help nobody."""
    assert redact(line) == line


@given(st.text(st.characters(exclude_characters="&#\"'<> \t\r\n\x0b\x0c"), min_size=1, max_size=30))
def test_query_value_of_any_shape_is_hidden(value: str) -> None:
    """Whatever a client puts into its query."""
    hidden = redact(f'"GET /items/a/ws?after=1&token={CANARY}{value} HTTP/1.1" 200')
    assert CANARY not in hidden
    assert "?after=1&" in hidden


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\r\nb", "a\\u000d\\u000ab"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("\x9b31m", "\\u009b31m"),
        ("a\u2028b\u202eb", "a\\u2028b\\u202eb"),
        ("\ud800", "\\ud800"),
        ("Zoë 👍", "Zoë 👍"),
    ],
)
def test_control_characters_are_shown_not_obeyed(text: str, escaped: str) -> None:
    """New lines, terminal sequences, reversed text and what UTF-8 cannot hold."""
    assert escape(text) == escaped


@given(st.text(), st.sampled_from([TextFormatter(), JsonFormatter()]))
def test_any_message_is_one_line_of_utf8(text: str, formatter: logging.Formatter) -> None:
    """Nothing in a name or a path forges a second record."""
    line = formatter.format(record("said %s", text))
    assert line.encode().count(b"\n") == 0
    assert line.splitlines() == [line]


def raised(text: str) -> Any:
    """What a handler of an exception with this text gets."""
    try:
        raise ValueError(text)
    except ValueError as error:
        return (ValueError, error, error.__traceback__)


def test_text_traceback_is_marked_and_clean() -> None:
    """Its lines follow the record, and none looks like a record or shows a secret."""
    error = raised(f"token={CANARY}\n2026-01-01T00:00:00.000Z ERROR   forged: record\x1b[0m")
    made = record("failed", exc_info=error, stack_info="Stack:\n  here")
    first, *rest = TextFormatter().format(made).split("\n")
    assert first.endswith(" INFO    uvicorn.error: failed")
    assert rest
    assert all(line.startswith("    | ") for line in rest)
    assert CANARY not in "".join(rest)
    assert "\x1b" not in "".join(rest)
    assert "    |   here" in rest


def test_json_record_is_an_object() -> None:
    """Time, level, logger, message, and the traceback as a list."""
    fields = json.loads(JsonFormatter().format(record("failed", exc_info=raised("x"))))
    assert fields.keys() == {"time", "level", "logger", "message", "traceback"}
    assert fields["traceback"][-1] == "ValueError: x"
    assert "traceback" not in json.loads(JsonFormatter().format(record("well")))


@pytest.fixture
def restored() -> Iterator[None]:
    """Puts the loggers back after a test that configures them."""
    with loggers.restored():
        yield


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.usefixtures("restored")
def test_most_talkative_level_still_says_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    """At `debug`: ours speak, the libraries that would print frames and headers do not."""
    output = io.StringIO()
    monkeypatch.setattr("sys.stderr", output)
    settings = make_settings(tmp_path, log_level="debug", log_format=log_format)
    logging.config.dictConfig(configure(settings))
    logging.getLogger("itemroom.test").debug("ours")
    logging.getLogger("uvicorn.error").info("WebSocket /items/a/ws?token=%s", CANARY)
    for name in ("websockets.server", "uvicorn.error", "asyncio", "httpx2", "sqlalchemy.engine"):
        logging.getLogger(name).debug("> authorization and body %s", CANARY)
    logging.getLogger("sqlalchemy.engine.Engine").info("parameters %s", CANARY)
    lines = output.getvalue().splitlines()
    assert len(lines) == 2
    assert "ours" in lines[0]
    assert HIDDEN in lines[1]
    assert CANARY not in output.getvalue()


@pytest.mark.parametrize(
    ("chosen", "ours", "websockets"),
    [("debug", "DEBUG", "INFO"), ("info", "INFO", "INFO"), ("error", "ERROR", "ERROR")],
)
def test_level_is_for_all_and_floors_for_libraries(
    tmp_path: Path, chosen: str, ours: str, websockets: str
) -> None:
    """Libraries follow where they say less, not where they would say more."""
    configuration = configure(make_settings(tmp_path, log_level=chosen))
    assert configuration["root"]["level"] == ours
    assert configuration["loggers"]["websockets"]["level"] == websockets


async def visit(url: str, *subprotocols: Subprotocol, **headers: str) -> None:
    """Come, say something secret, and go, if not sent away."""
    async with connect(
        url, subprotocols=subprotocols or None, additional_headers=headers, proxy=None
    ) as socket:
        with suppress(ConnectionClosed):
            await socket.send(f'{{"type": "publish", "body": "{CANARY}"}}')
            await socket.recv()


def raising(error: Exception) -> Callable[[], None]:
    """An endpoint that fails."""

    def endpoint() -> None:
        raise error

    return endpoint


@pytest.mark.anyio
@pytest.mark.usefixtures("restored")
async def test_busy_server_at_debug_writes_no_secret(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live: every credential on every road, refused and accepted, and a failure on top."""
    output = io.StringIO()
    monkeypatch.setattr("sys.stderr", output)
    server = serve(log_level="debug")
    logging.config.dictConfig(configure(server.settings))
    ada = server.person("ada")
    ada.create("order-17")
    ticket = ada.call("POST", "/items/order-17/tickets").json()["ticket"]
    signup = {"username": "bob", "password": CANARY * 2}
    ada.call("POST", "/auth/register", json=signup)
    cookie = httpx2.post(f"{server.url}/auth/login", json=signup).cookies["itemroom_session"]
    for query in (f"token={ada.token}", f"ticket={ticket}", f"ticket={ticket}", f"token={CANARY}"):
        await visit(f"{server.room_url('order-17')}{query}")
    for offered, headers in (
        (f"bearer.{ada.token}", {}),
        (f"bearer.{CANARY}", {"Cookie": f"itemroom_session={cookie}", "Origin": server.url}),
        ("itemroom.v1.text", {"Cookie": f"itemroom_session={cookie}", "Origin": server.url}),
    ):
        await visit(server.room_url("order-17"), Subprotocol(offered), **headers)
    server.server.app.add_api_route("/boom", raising(RuntimeError(f"password={CANARY}")))
    ada.call("GET", f"/boom?token={CANARY}", headers={"Cookie": f"itemroom_session={CANARY}"})
    server.stop()
    log = output.getvalue()
    assert "[accepted]" in log, "the server has logged, or this test shows nothing"
    assert "RuntimeError" in log
    for secret in (CANARY, ada.token, ticket, cookie):
        assert secret not in log
