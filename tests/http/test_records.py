"""Promise 8 under other servers: their log is theirs, and has no credential of ours."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from api.http.logs import HIDDEN, hide_credentials
from api.http.records import CleanRecords, guard_records
from tests.databases import values_in
from tests.process import PATIENCE
from tests.scenarios.handshakes import sign_in
from tests.serving import Served, Talk

CANARY = "zq7-Canary_9"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJ{CANARY}.s_{CANARY}"
SITE = """
import logging
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount

from api.app import create_app
from api.settings import Settings

app = create_app(Settings())


@app.get("/boom")
async def boom() -> None:
    logging.getLogger("itemroom.test").error("token=%s", "CANARY")
    raise RuntimeError("password=CANARY")


@asynccontextmanager
async def lifespan(_):
    async with app.router.lifespan_context(app):
        yield


site = Starlette(routes=[Mount("/rooms", app)], lifespan=lifespan)
"""


class Site(Served):
    """The application under uvicorn as somebody starts it who never heard of `itemroom serve`."""

    def __init__(self, directory: Path, prefix: str) -> None:
        self._log = directory / "log"
        self.root = ""
        self.prefix = prefix

    @property
    def log(self) -> str:
        return self._log.read_text()

    def find(self) -> bool:
        """Whether it serves by now: its log says where."""
        _, found, rest = self.log.partition("Uvicorn running on ")
        if found:
            self.url = rest.split(" ", 1)[0] + self.prefix
            self.ws_url = self.url.replace("http", "ws", 1)
        return bool(found)


@contextmanager
def uvicorn(directory: Path, name: str, *options: str) -> Iterator[Site]:
    (directory / "somebodys.py").write_text(SITE.replace("CANARY", CANARY))
    site = Site(directory, "/rooms" if name == "site" else "")
    command = [sys.executable, "-m", "uvicorn", f"somebodys:{name}", "--port", "0", *options]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ITEMROOM_")}
    values = values_in(directory).items()
    variables = {f"ITEMROOM_{name.upper()}": value for name, value in values}
    variables |= {"PYTHONPATH": str(directory)}
    root = str(Path(__file__).parent.parent.parent)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--app-dir", root],
            env=inherited | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not site.find():
            assert process.poll() is None, site.log
            assert time.monotonic() < deadline, site.log
            time.sleep(0.05)
        yield site
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("app", ["--log-level", "trace", "--ws", "websockets", "--http", "h11"]),
        ("app", ["--log-level", "debug", "--ws", "websockets-sansio"]),
        ("site", ["--log-level", "info"]),
    ],
)
async def test_uvicorn_itself_writes_no_secret(
    tmp_path: Path, name: str, options: list[str]
) -> None:
    """At every level, for requests and sockets, on its own or with the application mounted."""
    with uvicorn(tmp_path, name, *options) as site:
        ada = await asyncio.to_thread(site.person, "ada")
        await asyncio.to_thread(ada.create, "order-17")
        ticket = ada.call("POST", "/items/order-17/tickets").json()["ticket"]
        cookie = sign_in(site, "ada")
        room = site.room_url("order-17")
        for query in (f"token={ada.token}", f"%74oken={ada.token}", f"after=0&ticket={ticket}"):
            async with connect(room + query, proxy=None) as socket:
                talk = Talk(socket)
                assert (await talk.publish(CANARY))["type"] == "ack"
        for refused in (f"ticket={ticket}", f"token={CANARY}&after=x", f"token={JWT}"):
            with suppress(InvalidStatus):
                async with connect(room + refused, proxy=None) as socket:
                    await Talk(socket).closed()
        async with connect(
            room,
            proxy=None,
            subprotocols=[Subprotocol(f"bearer.{ada.token}"), Subprotocol("itemroom.v1.json")],
        ) as socket:
            await Talk(socket).get("welcome")
        async with connect(
            room, proxy=None, additional_headers={"Cookie": f"itemroom_session={cookie}"}
        ) as socket:
            await Talk(socket).next()
        encoded = "".join(f"%{ord(letter):02x}" for letter in "token")
        referer = {"Referer": f"{site.url}/?token={ada.token}"}
        for path in (f"/auth/me?token={ada.token}", f"/auth/me?{encoded}={quote(ada.token)}"):
            assert httpx2.get(site.url + path, headers=referer).status_code == 200
        assert httpx2.get(f"{site.url}/boom?token={CANARY}").status_code == 500
        log = site.log
    assert "WebSocket /" in log, "uvicorn has logged, or this test shows nothing"
    assert "GET /" in log
    assert "RuntimeError" in log
    assert "--- Logging error ---" not in log
    for secret in (CANARY, ada.token, quote(ada.token), ticket, cookie, *ada.token.split(".")[1:]):
        assert secret not in log


@pytest.fixture
def make() -> CleanRecords:
    """Makes records."""
    return CleanRecords(logging.LogRecord)


def record(make: CleanRecords, message: object, *arguments: object, **more: object) -> str:
    """What a formatter of somebody else's shows of a record."""
    name = str(more.get("name", "some.server"))
    made = make(name, logging.INFO, "", 1, message, arguments, more.get("exc_info"))
    return logging.Formatter("%(message)s").format(made)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("%s", [f"GET /?token={CANARY} HTTP/1.1"]),
        ("%(r)s %(f)s", [{"r": "GET /", "f": f"https://a.example/?x=1&ticket={CANARY}"}]),
        ("scope=%s", [{"query_string": f"after=1&%74icket={CANARY}".encode()}]),
        ("scope=%r", [{"subprotocols": ["itemroom.v1.json", f"bearer.{CANARY}"]}]),
        ("< %s", [f"TEXT '{CANARY}' [12 bytes]"]),
        ("> BINARY %s", [CANARY]),
        ("< Cookie: session=%s", [CANARY]),
        ("token=%s", [CANARY]),
        (f"%2574oken={CANARY}", []),
        (f"to%6ben={CANARY};x", []),
        (f"session_ticket={CANARY}", []),
    ],
)
def test_record_has_no_credential(
    make: CleanRecords, message: str, arguments: list[object]
) -> None:
    """Whatever it is made of: a text, a mapping, a scope."""
    shown = record(make, message, *arguments)
    assert CANARY not in shown
    assert HIDDEN in shown
    assert hide_credentials(shown) == shown


@pytest.mark.parametrize(
    ("message", "arguments", "shown"),
    [
        ("GET /search?q=red+shoes&page=2", [], "GET /search?q=red+shoes&page=2"),
        ("%s of %d", ["three", 4], "three of 4"),
        ("tokens: see the docs", [], "tokens: see the docs"),
        ("100%", [], "100%"),
    ],
)
def test_record_of_others_is_left_alone(
    make: CleanRecords, message: str, arguments: list[object], shown: str
) -> None:
    """The log is theirs, and so are their queries."""
    assert record(make, message, *arguments) == shown


def test_access_log_keeps_its_five_arguments(make: CleanRecords) -> None:
    """Uvicorn's formatter takes them apart, whatever a path is called."""
    for path in (f"/items/a/ws?token={CANARY}", "/cookie:", "/session:x"):
        arguments = ("127.0.0.1:1", "GET", path, "1.1", 200)
        made = make("uvicorn.access", 20, "", 1, '%s - "%s %s HTTP/%s" %d', arguments, None)
        assert isinstance(made.args, tuple)
        assert len(made.args) == 5
        assert CANARY not in made.getMessage()


def test_traceback_has_no_credential_and_otherwise_stays(make: CleanRecords) -> None:
    """Formatters of others use `exc_info`, which is left where there is nothing to hide."""
    try:
        raise RuntimeError(f"password={CANARY}")
    except RuntimeError as error:
        shown = record(make, "failed", exc_info=(type(error), error, error.__traceback__))
    assert CANARY not in shown
    assert shown.endswith(f"RuntimeError: password={HIDDEN}")
    plain = RuntimeError("plain")
    made = make("a", 20, "", 1, "failed", (), (RuntimeError, plain, None), None, "Stack:\n token=x")
    assert made.exc_info is not None
    assert made.stack_info == f"Stack:\n token={HIDDEN}"
    assert make("a", 20, "", 1, "failed", (), (None, None, None)).exc_text is None


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_record_that_cannot_be_read_is_left_to_logging(make: CleanRecords) -> None:
    """Whoever logs does not fail."""
    assert make("a", 20, "", 1, "%s", (Unspeakable(),), None).msg == "%s"
    assert make("a", 20, "", 1, "%d %d", ("x",), None).args == ("x",)


def test_guard_is_put_up_once() -> None:
    """Another application of the same process finds it there."""
    before = logging.getLogRecordFactory()
    try:
        guard_records()
        once = logging.getLogRecordFactory()
        guard_records()
        assert logging.getLogRecordFactory() is once
        assert isinstance(once, CleanRecords)
    finally:
        logging.setLogRecordFactory(before)
