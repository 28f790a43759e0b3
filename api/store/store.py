"""The one door to a database: which product it is, its URL says, and nobody above asks."""

from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

from ..settings import Settings
from .backups import Contents
from .postgresql.store import PostgresqlStore
from .readers import Readers
from .sharing import Sharing
from .sqlite.store import SqliteStore


class Store(Protocol):
    """A database, as the settings name it. All methods may block."""

    engine: Engine
    """Of the only connection that writes; between `open` and `close`."""

    @property
    def product(self) -> str:
        """What stores, with its version: for the log."""

    @property
    def place(self) -> str:
        """Where it is, for people; without a password."""

    @property
    def lost(self) -> str | None:
        """Why the server that has it has to end; None: it can go on."""

    @property
    def sharing(self) -> Sharing | None:
        """How other servers that write to it are kept off; None: there is one at a time."""

    def open(self, *, url: str | None = None) -> None:
        """Take it, for this process alone or with other servers, and connect the one that writes.

        Args:
            url: where this process serves, told to commands by `holder`; empty: it serves where
                they do not find it; None: it is a command itself, and wants it alone.

        Raises:
            Held: another process has it, and does not share it.
            DatabaseError: it cannot be used, and what to do.
        """

    def holder(self) -> tuple[int | None, str | None]:
        """Which process has it, and where that one serves, as far as that is known."""

    def prepare(self) -> None:
        """Bring the schema up to date, or check that it is, as the settings say.

        Raises:
            DatabaseError: it is not, or it is a newer version's.
        """

    def check(self, connection: Connection) -> None:
        """See whether what is committed now can be found again. Around each commit.

        Args:
            connection: the one that writes, in no transaction.

        Raises:
            NotStorable: it cannot.
        """

    def open_readers(self) -> Readers:
        """The connections that read, each in its own thread."""

    def close(self) -> None:
        """Let go of it: whoever comes next may have it."""

    def look(self) -> Engine:
        """An engine that only reads, while somebody else may have the database.

        Raises:
            DatabaseError: there is none.
        """

    def back_up(self, target: Path, *, force: bool = False) -> Contents:
        """Copy it into a file; see there. Raises BackupError."""

    def restore(self, source: Path) -> tuple[Contents, Path | None]:
        """Put a backup in its place; what it holds, and where the former is, if there was one.

        Raises:
            BackupError: the backup is not sound.
            Held: another process has the database.
        """


def store_of(settings: Settings) -> Store:
    """The database that the settings name, not yet opened."""
    return (SqliteStore if settings.is_in_file else PostgresqlStore)(settings)
