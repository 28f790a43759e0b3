import http.server
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from api.cli.failures import Failure
from api.cli.operators import operator
from api.security.secret_file import secret_path
from api.settings import Settings
from tests.cli.commands import Command
from tests.cli.holding import held
from tests.conftest import Serve
from tests.databases import SECRET, change, rows

CREATE = ("user", "create", "ada", "--no-password")


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Something else than Itemroom, where the lock says that a server is."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """No request is worth a line."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_server_that_does_not_answer_is_named(
    itemroom: Command, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its process and address, so that somebody can look."""
    monkeypatch.setenv("ITEMROOM_SECRET", SECRET)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with held(settings, url):
            said = itemroom.failed(*CREATE)
    assert url in said
    assert "does not answer" in said


@pytest.mark.parametrize(
    ("status", "body"), [(200, b""), (500, b"<h1>oops</h1>"), (400, b"{}"), (403, b"[]")]
)
def test_answer_of_something_else_is_told(
    itemroom: Command,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
) -> None:
    """A proxy or another program must not be taken for the server's yes or no."""
    monkeypatch.setenv("ITEMROOM_SECRET", SECRET)
    with answering(status, body) as url, held(settings, url):
        assert f"{status}, is not Itemroom's" in itemroom.failed(*CREATE)


@pytest.mark.sqlite  # Beside another database there is no secret.
def test_server_with_a_secret_from_its_environment_asks_for_the_same(
    itemroom: Command, settings: Settings, serve: Serve
) -> None:
    """The command makes no secret of its own, which would be another one."""
    serve(secret="0123456789abcdef0123456789abcdef")
    assert "set ITEMROOM_SECRET" in itemroom.failed(*CREATE)
    assert not secret_path(settings).exists()


def test_server_with_another_secret_refuses_the_command(
    itemroom: Command, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds no secret of the server commands nothing."""
    serve(secret="0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("ITEMROOM_SECRET", "fedcba9876543210fedcba9876543210")
    assert "has another secret" in itemroom.failed(*CREATE)
    monkeypatch.setenv("ITEMROOM_SECRET", "0123456789abcdef0123456789abcdef")
    itemroom.done(*CREATE)


def test_command_waits_for_another_command(itemroom: Command, settings: Settings) -> None:
    """Which holds the lock for a moment only."""
    with ExitStack() as stack:
        stack.enter_context(held(settings, None))
        ending = threading.Timer(0.3, stack.pop_all().close)
        ending.start()
        itemroom.done(*CREATE)
        ending.join()


def test_command_gives_up_on_another_that_goes_on(settings: Settings) -> None:
    """With a sentence that names its process."""
    with (
        held(settings, None),
        pytest.raises(Failure, match=f"rocess {os.getpid()} "),
        operator(settings, patience=0.1),
    ):
        raise AssertionError("the lock is held")


def test_lock_is_free_after_a_command_that_failed(itemroom: Command, settings: Settings) -> None:
    """The next one does not have to wait."""
    itemroom.failed("user", "disable", "nobody", code=1)
    with held(settings, None):
        pass


def test_unmigrated_database_is_left_alone_when_migrating_is_off(
    itemroom: Command, empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting counts for commands as it does for the server."""
    monkeypatch.setenv("ITEMROOM_MIGRATE", "false")
    assert "itemroom migrate" in itemroom.failed(*CREATE)
    itemroom.done("migrate")
    itemroom.done(*CREATE)
    assert rows(empty, 'SELECT count(*) FROM "user"') == [(1,)]


def test_username_with_a_slash_names_its_user(
    itemroom: Command, settings: Settings, serve: Serve
) -> None:
    """Outside issuers have such subjects; what would lead elsewhere is nobody."""
    itemroom.done(*CREATE)
    change(settings, "UPDATE \"user\" SET username = 'ext:a/admin'")
    serve()
    itemroom.done("user", "disable", "ext:a/admin")
    assert "no such user" in itemroom.failed("user", "disable", "ext:a", code=1)
    assert "no such user" in itemroom.failed("user", "disable", "x/../ext:a/admin", code=1)
    assert "no such user" in itemroom.failed("user", "disable", "..", code=1)
    itemroom.done("user", "enable", "ext:a/admin")
