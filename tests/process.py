"""`itemroom serve` as whoever runs it starts it: a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Self

import httpx2

from api.settings import Settings
from api.store.store import Store, store_of
from tests.databases import IN_FILES, SECRET, no_file, values_in, variables
from tests.deadlines import scaled
from tests.serving import Served

ITEMROOM = Path(sys.executable).with_name("itemroom")
# Before a program of the tests' that starts a server: its own folder is not the repository's.
PYTHON = ("env", f"PYTHONPATH={Path(__file__).parent.parent}", sys.executable)
# Seconds that a server may take to start, or to end when nothing holds it.
PATIENCE = scaled(30.0)


class Process(Served):
    """A server on a free port.

    Args:
        directory: where its database is, or will be.
        measured: whether its coverage counts; a process that is killed has none to give, and
            starts twice as fast without.
        settings: ITEMROOM_* variables, by their lower-case names.
    """

    prefix: Sequence[str] = ()
    """A program that starts the server, with its arguments."""
    arguments: Sequence[str] = ()
    """Of the server itself."""

    def __init__(
        self,
        directory: Path,
        *,
        stdout: int | IO[Any] | None = subprocess.DEVNULL,
        stderr: int | IO[Any] | None = None,
        measured: bool = True,
        **settings: object,
    ) -> None:
        self.database = directory / "test.db"
        self._log = directory / "server.log"
        foreign = ("ITEMROOM_",) if measured else ("ITEMROOM_", "COVERAGE_PROCESS_")
        inherited = {k: value for k, value in os.environ.items() if not k.startswith(foreign)}
        chosen = values_in(directory) | {"port": 0} | settings
        self.database_url = str(chosen["database_url"])
        if not IN_FILES and self.database_url.startswith("sqlite:"):
            no_file(self.database_url)
        self._store = _store(self.database_url)
        with self._log.open("ab") as log:
            self.popen = subprocess.Popen(
                [*self.prefix, ITEMROOM, "serve", *self.arguments],
                env=inherited | variables(chosen),
                stdout=stdout,
                stderr=log if stderr is None else stderr,
                cwd=directory,
            )

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text()

    def __enter__(self) -> Self:
        try:
            self._wait_until_ready()
        except BaseException:
            # Else a later test would be blamed for what still runs.
            self.popen.kill()
            self.popen.wait()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(PATIENCE)
        finally:
            self.popen.kill()
            self.popen.wait()

    def end(self, signal_: int = signal.SIGTERM) -> int:
        """Send a signal, and wait for the exit code."""
        self.popen.send_signal(signal_)
        return self.popen.wait(PATIENCE)

    def _holder(self) -> tuple[int | None, str | None]:
        """Which process has the database, and where it serves."""
        if self._store is not None:
            return self._store.holder()
        held = json.loads(self.database.with_name("test.db.lock").read_bytes())
        return held["pid"], held["url"]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.popen.poll() is None, self.log
            try:
                pid, url = self._holder()
                if url is not None and pid == self.popen.pid:
                    self.url = url
                    self.ws_url = self.url.replace("http", "ws", 1)
                    httpx2.get(f"{self.url}/healthz", timeout=PATIENCE)
                    return
            except (OSError, ValueError, httpx2.TransportError):
                pass
            time.sleep(0.02)
        raise RuntimeError(f"the server does not answer:\n{self.log}")


def _store(url: str) -> Store | None:
    """The database of a server if it is no file; a look at it does not disturb."""
    if url.startswith("sqlite:"):
        return None
    return store_of(Settings.model_validate({"database_url": url, "secret": SECRET}))
