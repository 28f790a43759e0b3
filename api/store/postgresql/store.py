"""PostgreSQL as a `Store`."""

import logging
import secrets
import time
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ...outage import Outage
from ...settings import Settings
from .. import schema
from ..backups import BackupError, Contents
from ..failures import DatabaseError, Held, NotStorable
from ..readers import Readers
from . import database, lock
from .sharing import PostgresqlSharing

logger = logging.getLogger("itemroom.database")

# Seconds that a server waits for the lock of a command that ended a moment ago: it is free when
# PostgreSQL has noticed that.
PATIENCE = 5.0
# Seconds between two trials of the connection, so that its end is noticed.
LOOK_INTERVAL = 0.25
BACKUPS = (
    "PostgreSQL has its own tools for backups: use pg_dump and pg_restore, or its archive of the "
    "write-ahead log."
)


class PostgresqlStore:
    """A database of a server; its lock belongs to the connection that writes."""

    lost: str | None = None
    """Nothing that others do ends a server: they are kept off by row."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._boot = secrets.token_hex(4)
        self._url: str | None = None
        self._looked_at = 0.0
        self._outage = Outage(logger)
        self.sharing = PostgresqlSharing(settings)
        self.engine: Engine  # Set by `open`.
        self.product = "PostgreSQL"
        """With its version, once it is open."""

    @property
    def place(self) -> str:
        """Its URL, without the password."""
        url = database.url_of(self._settings).set(drivername="postgresql")
        return url.render_as_string(hide_password=True)

    def open(self, *, url: str | None = None) -> None:
        """Connect, and take the lock; a server waits a moment for a command that has it."""
        self._url = url
        self.engine = database.open_writing_engine(self._settings, self._take_lock)
        deadline = time.monotonic() + (PATIENCE if url is not None else 0)
        while True:
            try:
                with self.engine.connect() as connection:
                    version = ".".join(map(str, connection.dialect.server_version_info or ()))
            except Held:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                self.product = f"PostgreSQL {version}"
                return

    def _take_lock(self, connection: Any) -> None:
        lock.take(connection, boot=self._boot, url=self._url)

    def holder(self) -> tuple[int | None, str | None]:
        """By the name of its session."""
        with self.look().connect() as connection:
            driver: Any = connection.connection.driver_connection
            pid, _, url = lock.holder(driver)
        return pid, url

    def prepare(self) -> None:
        """See to the schema."""
        (schema.migrate if self._settings.migrate else schema.check)(self.engine)

    def check(self, connection: Connection) -> None:
        """See that there is a connection; it has the lock, or is none."""
        try:
            if not database.is_connected(connection):
                database.reconnect(connection)
                # What is remembered is of before, and a commit may be in doubt.
                raise NotStorable("the connection to PostgreSQL was made anew")
            if time.monotonic() - self._looked_at > LOOK_INTERVAL:
                with connection.begin():
                    pass
                self._looked_at = time.monotonic()
        except NotStorable:
            raise
        except (DBAPIError, DatabaseError) as error:
            self._fail(error)
        self._outage.worked()

    def _fail(self, error: Exception) -> NoReturn:
        reason = error.orig if isinstance(error, DBAPIError) else error
        self._outage.failed(f"nothing can be stored: {reason}")
        raise NotStorable(str(reason)) from error

    def open_readers(self) -> Readers:
        """Connections of their own."""
        threads = self._settings.reader_threads
        engine = database.open_reading_engine(self._settings, connections=threads)
        return Readers(engine, threads=threads, queue=self._settings.reader_queue)

    def close(self) -> None:
        """Disconnect: the lock ends with that."""
        self.engine.dispose()

    def look(self) -> Engine:
        """An engine that only reads, also beside a server."""
        return database.open_reading_engine(self._settings)

    def back_up(self, target: Path, *, force: bool = False) -> Contents:  # noqa: ARG002 - a Store's
        """It cannot be copied into a file of ours."""
        raise BackupError(BACKUPS)

    def restore(self, source: Path) -> tuple[Contents, Path | None]:  # noqa: ARG002 - a Store's
        """It cannot be made of a file of ours."""
        raise BackupError(BACKUPS)
