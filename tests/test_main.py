"""A signal that comes while the server starts ends it, also as the first process of a container."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.__main__ import answer_signals, main
from api.settings import Settings
from api.store.postgresql.lock import MIGRATING
from api.store.schema import check
from api.store.store import store_of
from tests.cli.holding import held
from tests.databases import connected, empty_values
from tests.docs.reading import ROOT
from tests.process import PATIENCE, Process


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def server_pid(server: Process) -> int:
    """The server's, as the test sees it."""
    if not server.prefix:
        return server.popen.pid
    until(lambda: children(server.popen.pid) != [])
    return children(server.popen.pid)[0]


def has(pid: int, mask: str, number: int) -> bool:
    """Whether a mask of a process, as `SigCgt`, has a signal."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (bits,) = [line.split()[1] for line in lines if line.startswith(f"{mask}:")]
    return bool(int(bits, 16) >> (number - 1) & 1)


class FirstProcess(Process):
    """Of a namespace of its own, as in a container."""

    prefix = ("unshare", "--pid", "--fork", "--kill-child")


def may_unshare() -> bool:
    command = [*FirstProcess.prefix, "true"]
    found = shutil.which(command[0])
    return found is not None and subprocess.run(command, check=False).returncode == 0


first_process = pytest.param(
    FirstProcess,
    id="PID 1",
    marks=pytest.mark.skipif(not may_unshare(), reason="no right to a PID namespace"),
)
anybody = pytest.mark.parametrize("kind", [pytest.param(Process, id="process"), first_process])


@contextmanager
def starting(kind: type[Process], directory: Path, **settings: Any) -> Iterator[Process]:
    # Not measured: coverage would write its data from within the signal's handler.
    server = kind(directory, measured=False, **settings)
    try:
        yield server
    finally:
        server.popen.kill()
        server.popen.wait()


@anybody
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_at_the_first_moment_ends_it(
    tmp_path: Path, kind: type[Process], number: signal.Signals
) -> None:
    """Long before anything is loaded."""
    with starting(kind, tmp_path) as server:
        pid = server_pid(server)
        # Python itself has a handler for SIGINT from its own first moment on.
        until(lambda: has(pid, "SigCgt", signal.SIGTERM))
        os.kill(pid, number)
        assert server.popen.wait(PATIENCE) == 0
        assert server.log == ""
        assert not server.database.exists()


@anybody
def test_signal_while_the_database_is_migrated_ends_it_after_that(
    tmp_path: Path, kind: type[Process]
) -> None:
    """It had to wait for the database; the schema is whole, and the lock free."""
    settings = Settings.model_validate(empty_values(tmp_path))
    store = store_of(settings)
    values = {"database_url": settings.database_url, "busy_timeout": 60}
    with ExitStack() as foreign:
        foreign.enter_context(kept_from_migrating(settings))
        with starting(kind, tmp_path, **values) as server:
            pid = server_pid(server)
            until(lambda: store.holder()[1] is not None)
            os.kill(pid, signal.SIGTERM)
            until(lambda: not has(pid, "ShdPnd", signal.SIGTERM))
            foreign.close()
            assert server.popen.wait(PATIENCE) == 0
            assert "told to stop while starting" in server.log
            assert "Traceback" not in server.log
    with held(settings, None) as free:
        check(free.engine)


@contextmanager
def kept_from_migrating(settings: Settings) -> Iterator[None]:
    """Whoever would change the schema waits."""
    begin = "BEGIN IMMEDIATE" if settings.is_in_file else f"BEGIN; {MIGRATING}"
    with connected(settings.database_url) as foreign:
        driver = foreign.connection.driver_connection
        assert driver is not None
        if settings.is_in_file:
            driver.isolation_level = None
            driver.execute("PRAGMA journal_mode=WAL")
        driver.execute(begin)
        yield
        driver.execute("ROLLBACK")


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> dict[int, Callable[..., None]]:
    """What is set up, instead of setting it up for this process."""
    known: dict[int, Callable[..., None]] = {}
    monkeypatch.setattr(signal, "signal", known.__setitem__)
    monkeypatch.setattr(os, "_exit", sys.exit)
    return known


@pytest.mark.parametrize(
    ("arguments", "pid", "codes"),
    [
        (["serve"], 2, {signal.SIGTERM: 0, signal.SIGINT: 0}),
        (
            ["--x", "serve", "--port", "1"],
            1,
            {signal.SIGTERM: 0, signal.SIGINT: 0, signal.SIGALRM: 142},
        ),
        (["publish", "a", "serve"], 2, {}),
        (["backup", "x"], 1, {signal.SIGTERM: 143, signal.SIGALRM: 142}),
        ([], 2, {}),
    ],
)
def test_only_what_would_be_lost_or_untrue_is_handled(
    handlers: dict[int, Callable[..., None]],
    arguments: list[str],
    pid: int,
    codes: dict[int, int],
) -> None:
    """Other commands end by signals as every program does, but as PID 1."""
    answer_signals(arguments, pid)
    assert handlers.keys() == codes.keys()
    for number, code in codes.items():
        with pytest.raises(SystemExit) as ended:
            handlers[number](number, None)
        assert ended.value.code == code


def test_program_is_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also as `python -m api`."""
    monkeypatch.setattr(sys, "argv", ["itemroom", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert "serve" in capsys.readouterr().out
    module = [sys.executable, "-m", "api", "--help"]
    said = subprocess.run(module, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "serve" in said.stdout
