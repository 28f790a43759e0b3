"""The server as a shipped file starts it: its command and its environment, and nothing else."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.databases import IN_FILES, no_file
from tests.process import Process

URL = "https://rooms.example.com"


class Shipped(Process):
    """A server on a free port, with its database in a test's directory.

    Args:
        command: as the file has it, with the program's place replaced.
        environment: as the file has it; the database and the port are the test's.
    """

    def __init__(
        self,
        directory: Path,
        command: Sequence[str],
        environment: Mapping[str, str],
        umask: int = -1,
    ) -> None:
        self.database = directory / "test.db"
        if not IN_FILES:
            no_file(self.database)
        self._store = None
        self._log = directory / "server.log"
        chosen = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            **environment,
            "ITEMROOM_DATABASE_URL": f"sqlite:///{self.database}",
            "ITEMROOM_PORT": "0",
            "ITEMROOM_PUBLIC_URL": URL,
        }
        with self._log.open("ab") as log:
            self.popen = subprocess.Popen(
                list(command), env=chosen, cwd=directory, stdout=log, stderr=log, umask=umask
            )
