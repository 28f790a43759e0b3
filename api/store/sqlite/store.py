"""SQLite as a `Store`."""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine

from ...settings import Settings
from .. import schema
from ..backups import Contents
from ..failures import DatabaseError
from ..readers import Readers
from . import backup, database
from .files import DatabaseFiles
from .lock import Lock


class SqliteStore:
    """A file, and what lies beside it."""

    product = f"SQLite {sqlite3.sqlite_version}"
    sharing = None
    """The lock is one process's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock(settings.database_path)
        self._files: DatabaseFiles | None = None
        self.engine: Engine  # Set by `open`.

    @property
    def place(self) -> str:
        """The file."""
        return str(self._settings.database_path)

    @property
    def lost(self) -> str | None:
        """Why the server that has it has to end."""
        return None if self._files is None else self._files.lost

    def open(self, *, url: str | None = None) -> None:
        """Lock the file, then open it."""
        self._lock.acquire(url=url)
        try:
            self.engine = database.open_writing_engine(self._settings)
        except BaseException:
            self._lock.release()
            raise

    def holder(self) -> tuple[int | None, str | None]:
        """The process that has the file, and its URL."""
        written = self._lock.holder()
        return written.get("pid"), written.get("url")

    def prepare(self) -> None:
        """See to the schema; from here on the files are looked at."""
        (schema.migrate if self._settings.migrate else schema.check)(self.engine)
        self._files = DatabaseFiles(self._settings, self._lock)

    def check(self, connection: Connection) -> None:
        """Look whether the files are where they were."""
        if self._files is not None:
            self._files.check(connection)

    def open_readers(self) -> Readers:
        """Connections to the same file."""
        return database.open_readers(self._settings)

    def close(self) -> None:
        """Let go of the file, and then of the lock."""
        if self._files is not None:
            self._files.close()
        self.engine.dispose()
        self._lock.release()

    def look(self) -> Engine:
        """An engine that only reads, also beside a server."""
        path = self._settings.database_path
        if not path.exists():
            raise DatabaseError(f"There is no database at {path}.")
        return database.open_foreign_engine(path)

    def back_up(self, target: Path, *, force: bool = False) -> Contents:
        """Copy it into a file, also beside a server."""
        return backup.back_up(self._settings.database_path, target, force=force)

    def restore(self, source: Path) -> tuple[Contents, Path | None]:
        """Put a backup in its place."""
        return backup.restore(self._settings, source)
