"""The lock on a database: one process serves one file."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from ..failures import Held


class Lock:
    """Keeps a second process off the same SQLite file, and says who holds it.

    An advisory lock of the kernel's (flock): it ends with the process, however that ends.
    """

    def __init__(self, database_path: Path) -> None:
        self.path = database_path.with_name(database_path.name + ".lock")
        self._text = str(self.path)  # Asked for around each commit, and a Path takes twice as long.
        self._descriptor: int | None = None
        self._url: str | None = None

    def acquire(self, *, url: str | None = None) -> None:
        """Take the lock, and leave pid and URL in it for the command line to find.

        Once more when its file was removed: then it is made again, with the former URL.

        Raises:
            Held: another process has it.
        """
        self._url = url or self._url
        descriptor = self._open()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "url": self._url}).encode(), 0)
        self.release()
        self._descriptor = descriptor

    def _open(self) -> int:
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                holder = self.holder().get("pid", "unknown")
                raise Held(
                    f"{self.path.name}: process {holder} holds this database. One process serves "
                    "one SQLite file: stop it first, or give this one another "
                    "ITEMROOM_DATABASE_URL."
                ) from None
            # Removed between the two calls, it would be the lock of nothing.
            if self._is_at_path(descriptor):
                return descriptor
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether the file that is locked is still the one that others would try to lock."""
        return self._descriptor is not None and self._is_at_path(self._descriptor)

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._text))  # noqa: PTH116 - see there
        except FileNotFoundError:
            return False

    def holder(self) -> dict[str, Any]:
        """What the last holder wrote: `pid` and `url`. Empty when there is none."""
        try:
            written = json.loads(self.path.read_bytes() or b"{}")
        except (OSError, ValueError):
            return {}
        return written if isinstance(written, dict) else {}

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would race with the next holder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
