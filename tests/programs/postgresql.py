"""A PostgreSQL of the tests' own: as an ordinary user, in a temporary folder, on a free port."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

import psycopg

from tests.deadlines import scaled
from tests.programs.databases import Databases
from tests.programs.finding import find
from tests.programs.last_will import last_will
from tests.programs.waiting import free_port, until

# PostgreSQL does not run as root.
UNPRIVILEGED = "nobody"
USER = "itemroom"
OLDEST = 14
PREFIX = "itemroom-postgresql-"
PATIENCE = scaled(10)
# Nothing that costs durability: the server refuses to run on such a database.
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_wal_size": "64MB",
}
# By the data's folder and others: the server, if that is still there, and then the folders.
ENDING = 'kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")"; rm -rf "$@"'


def binaries() -> Path:
    """The folder of its programs: the machine's, or those of the wheel."""
    return Path(find("postgres", suits=_suits).path).parent


def _suits(program: Path) -> bool:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\) (\d+)", said.stdout)
    recent = version is not None and int(version[1]) >= OLDEST
    return recent and program.with_name("initdb").exists()


class Cluster(Databases):
    """Runs between `start` and `stop`; its files are gone after the block."""

    def __init__(self, programs: Path | None = None) -> None:
        self.programs = programs or binaries()
        self._stack = ExitStack()
        self.port = free_port()
        super().__init__(f"postgresql://{USER}@127.0.0.1:{self.port}/postgres")

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(mkdtemp(prefix=PREFIX))
            self._copies = Path(mkdtemp(prefix=PREFIX))
            stack.enter_context(last_will(ENDING, str(self.folder), str(self._copies)))
            self._make()
            self.start()
            stack.callback(self.stop, signal.SIGINT)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _make(self) -> None:
        data = self.folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            for folder in (self.folder, self._copies):
                folder.chmod(0o711)
            shutil.chown(data, UNPRIVILEGED)
            self.programs = self._reachable()
        options = ["-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        code = self._run("initdb", *options, "-D", str(data)).wait(PATIENCE)
        assert code == 0, f"{self.programs}/initdb failed"

    def _reachable(self) -> Path:
        """Its programs, where somebody unprivileged gets at them: not in root's own folders."""
        # By way of a shell: with the first program, setpriv's own rights may still count.
        readable = 'test -r "$1" && "$1" --version'
        if self._start("sh", "-c", readable, "sh", f"{self.programs}/initdb").wait(PATIENCE) == 0:
            return self.programs
        # The wheel's libraries are in a folder beside its own.
        package = self.programs.parents[1]
        assert package.is_relative_to(sys.prefix), f"{UNPRIVILEGED} cannot run {self.programs}"
        for folder in package.parent.glob(f"{package.name}*"):
            shutil.copytree(folder, self._copies / folder.name)
        subprocess.run(["chmod", "-R", "a+rX", *self._copies.iterdir()], check=True)
        return self._copies / self.programs.relative_to(package.parent)

    def copy(self) -> "Copy":
        """Another one with all that this one has by now, not yet made."""
        return Copy(self, self.programs)

    @property
    def pid(self) -> int:
        """Of the process that has started all others."""
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._launch()
        until(self._answers)

    def _launch(self) -> None:
        chosen = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        data = str(self.folder / "data")
        self._process = self._run("postgres", "-D", data, "-p", str(self.port), *chosen)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: SIGQUIT at once, as a crash does; SIGINT in order."""
        self._process.send_signal(how)
        self._process.wait(PATIENCE)

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            # While it was stopped, somebody's way out of the machine may have got its port.
            self._launch()
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        return self._start(str(self.programs / program), *arguments)

    @staticmethod
    def _start(*command: str) -> "subprocess.Popen[bytes]":
        if os.geteuid() == 0:
            anybody = pwd.getpwnam(UNPRIVILEGED)
            user = [f"--reuid={anybody.pw_uid}", f"--regid={anybody.pw_gid}", "--clear-groups"]
            command = ("setpriv", *user, "--", *command)
        # A terminal's interrupt is for the tests, which end it in their own order.
        return subprocess.Popen(
            command,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


class Copy(Cluster):
    """A standby that has lost its primary: it only reads, until it is promoted.

    Args:
        primary: stopped while it is copied.
    """

    def __init__(self, primary: Cluster, programs: Path) -> None:
        self._primary = primary
        super().__init__(programs)

    def promote(self) -> None:
        """Let it go on by itself, in a history of its own."""
        self.run("SELECT pg_promote()")

    def _make(self) -> None:
        self._primary.stop(signal.SIGINT)
        # By the one who runs it: nobody else's files are its own.
        self.folder.chmod(0o777)
        data = str(self.folder / "data")
        for command in (
            ["cp", "-a", str(self._primary.folder / "data"), data],
            ["touch", f"{data}/standby.signal"],
        ):
            assert self._start(*command).wait(PATIENCE) == 0, command
        self.folder.chmod(0o711)
        self._primary.start()
