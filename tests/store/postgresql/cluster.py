"""A PostgreSQL of a test's own: what the machine has, as an ordinary user, on a free port."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

import psycopg

from tests.deadlines import scaled

# Where distributions put what a user is not meant to start by hand.
ELSEWHERE = "usr/lib/postgresql/*/bin"
# PostgreSQL does not run as root.
UNPRIVILEGED = "nobody"
USER = "itemroom"
PATIENCE = scaled(10)


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def binaries() -> Path | None:
    """The folder of its programs; None: the machine has none."""
    elsewhere = sorted(map(str, Path("/").glob(ELSEWHERE)), reverse=True)
    found = shutil.which("initdb", path=os.pathsep.join([os.environ["PATH"], *elsewhere]))
    # What is found may be a link to where the rest is.
    return None if found is None else Path(found).resolve().parent


class Cluster:
    """Runs between `start` and `stop`; its files are gone after the block."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(mkdtemp(prefix="itemroom-postgresql-"))
        self._databases = 0
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    def __enter__(self) -> Self:
        data = self._folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            self._folder.chmod(0o711)
            shutil.chown(data, UNPRIVILEGED)
        options = ["-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self._run("initdb", *options, "-D", str(data)).wait(PATIENCE)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGINT)
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        local = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        data = str(self._folder / "data")
        self._server = self._run("postgres", "-D", data, "-p", str(self.port), *local)
        until(self._answers)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: SIGQUIT at once, as a crash does; SIGINT in order."""
        self._server.send_signal(how)
        self._server.wait(PATIENCE)

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"rooms_{self._databases}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def run(self, sql: str, url: str | None = None) -> Sequence[tuple[object, ...]]:
        """What a statement gives, on a connection of its own."""
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def terminate(self, url: str) -> None:
        """End all sessions of a database, as an operator may."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            url,
        )

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            anybody = pwd.getpwnam(UNPRIVILEGED)
            user = [f"--reuid={anybody.pw_uid}", f"--regid={anybody.pw_gid}", "--clear-groups"]
            command = ["setpriv", *user, "--", *command]
        return subprocess.Popen(
            command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
