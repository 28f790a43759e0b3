"""PostgreSQL, for a peer that stores in it: what the machine has, with its own defaults."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from bench.peers.install import output
from bench.peers.peer import AbsentError, Arguments, Command

# Where distributions put what a user is not meant to start by hand.
ELSEWHERE = "usr/lib/postgresql/*/bin"
# PostgreSQL does not run as root.
UNPRIVILEGED = "nobody"
USER = "bench"
READY = "ready to accept connections"


class Postgres:
    """A cluster of its own for each start: fsync and synchronous_commit are on, as they come."""

    def __init__(self) -> None:
        self._bin = Path()

    def install(self) -> None:
        """Look for it; raises AbsentError."""
        elsewhere = sorted(map(str, Path("/").glob(ELSEWHERE)), reverse=True)
        found = shutil.which("initdb", path=os.pathsep.join([os.environ["PATH"], *elsewhere]))
        if found is None:
            raise AbsentError("PostgreSQL is missing")
        # What is found may be a link to where the rest is.
        self._bin = Path(found).resolve().parent

    def versions(self) -> dict[str, str]:
        """Its own."""
        return {"postgresql": output([self._bin / "postgres", "--version"]).split()[2]}

    def command(self, port: int, folder: Path) -> Command:
        """The server on a new cluster in a folder."""
        data = folder / "postgres"
        data.mkdir()
        if os.geteuid() == 0:
            # It has to get there, and no more.
            folder.chmod(0o711)
            shutil.chown(data, UNPRIVILEGED)
        options = ["-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale"]
        self._initialize([*_as_anybody(), self._bin / "initdb", *options, "-D", data])
        local = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        server: Arguments = [self._bin / "postgres", "-D", data, "-p", str(port), *local]
        return Command([*_as_anybody(), *server], port, ready=READY)

    @staticmethod
    def url(port: int) -> str:
        """Where a program finds it."""
        return f"postgresql://{USER}@127.0.0.1:{port}/postgres"

    @staticmethod
    def _initialize(command: Arguments) -> None:
        finished = subprocess.run(  # noqa: S603 - our own command
            [str(part) for part in command], cwd="/", capture_output=True, check=False, text=True
        )
        if finished.returncode:
            raise AbsentError(f"initdb failed: {finished.stderr.strip()[-500:]}")


def _as_anybody() -> Arguments:
    if os.geteuid() != 0:
        return []
    anybody = pwd.getpwnam(UNPRIVILEGED)
    user = [f"--reuid={anybody.pw_uid}", f"--regid={anybody.pw_gid}", "--clear-groups"]
    return ["setpriv", *user, "--"]
