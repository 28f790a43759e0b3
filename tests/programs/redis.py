"""A Redis, or Valkey, of a test's own: in memory, on a free port, ended with it."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.programs.finding import Program, find
from tests.programs.last_will import last_will
from tests.programs.waiting import PATIENCE, free_port, until

OPTIONS = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--protected-mode", "no"]


class Redis:
    """Runs between `start` and `stop`, on one port for good."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        self.folder = folder
        self.pid_file = folder / "pid"
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers; empty, as nothing is ever kept."""
        self._server = subprocess.Popen(
            [self._program.path, *OPTIONS, "--port", str(self.port)],
            env=os.environ | self._program.environment,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.pid_file.write_text(str(self._server.pid))
        until(self.answers)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it: SIGKILL at once, as a crash does; SIGTERM in order."""
        self.signal(signal.SIGCONT)
        self.signal(how)
        self._server.wait(PATIENCE)
        self.pid_file.unlink(missing_ok=True)

    def signal(self, which: signal.Signals) -> None:
        """SIGSTOP makes it hang with all connections open, until SIGCONT."""
        self._server.send_signal(which)

    def answers(self) -> bool:
        """Whether it does."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


@contextmanager
def redis_server() -> Iterator[Redis]:
    """One that runs; its files are gone after the block."""
    program = find("valkey-server", "redis-server")
    with TemporaryDirectory(prefix="itemroom-redis-") as folder:
        redis = Redis(program, Path(folder))
        with last_will('kill -9 "$(cat "$1")"; rm -rf "$2"', str(redis.pid_file), folder):
            redis.start()
            try:
                yield redis
            finally:
                redis.stop()
