"""Backup and restore: by SQLite's own copy of a consistent state, never by copying the file.

The newest commits of a database in use are in its `-wal`, which `cp` leaves behind.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from ...disk import sync
from ...models import EntryRow, Item, PileRow, User
from ...settings import Settings
from ..backups import BackupError, Contents
from ..epochs import renew_epochs
from ..schema import configuration, has_table, migrate, revision_of
from .database import open_engine, open_foreign_engine, open_read_only
from .lock import Lock

# What lies beside a database and is no place for a backup of it.
BESIDE = ("", "-wal", "-shm", "-journal", ".lock", ".secret")


def back_up(database: Path, target: Path, *, force: bool = False) -> Contents:
    """Copy the database as it is at this moment, also under load. Blocks.

    The target appears at once, complete and checked, or not at all.

    Args:
        database: in use or not; it is only read.
        target: one file; only its owner may read it, for it holds hashes of passwords.
        force: replace the target if there is one.

    Raises:
        BackupError: the target exists or is a part of the database, or the copy is not sound.
    """
    if not database.exists():
        raise BackupError(f"There is no database at {database}.")
    # A link, or a way around by `..`, leads to the same files.
    database, target = database.resolve(), target.resolve()
    draft_path = target.with_name(target.name + ".tmp")
    if not {target, draft_path}.isdisjoint(_parts(database)):
        raise BackupError(f"{target} belongs to the database itself: choose another file.")
    if target.exists() and not force:
        raise BackupError(f"{target} exists already: choose another file, or add --force.")
    with _draft(draft_path) as draft:
        copy(database, draft)
        contents = inspect(draft)
        sync(draft)
        draft.replace(target)
    sync(target.parent)
    return contents


def restore(settings: Settings, source: Path) -> tuple[Contents, Path | None]:
    """Put a backup in the database's place; what was there is kept under another name. Blocks.

    All that may fail happens to a copy beside the database, before one rename puts it in place.

    Returns:
        What was restored, and where the former database is now, if there was one.

    Raises:
        BackupError: the backup is not sound.
        DatabaseError: a server holds the database.
    """
    database = settings.database_path
    lock = Lock(database)
    lock.acquire()
    try:
        draft_path = database.with_name(database.name + ".restoring")
        if source.exists() and database.exists() and source.samefile(database):
            raise BackupError(f"{source} is the database itself.")
        if source.resolve() == draft_path:
            raise BackupError(f"{source} is where a restore begins: give it another name.")
        inspect(source)
        with _draft(draft_path) as draft:
            copy(source, draft)
            _begin_new_life(draft)
            contents = inspect(draft)
            _give_to_owner(draft, database)
            sync(draft)
            kept = _set_aside(database)
            draft.replace(database)
        sync(database.parent)
    finally:
        lock.release()
    return contents, kept


def _parts(database: Path) -> set[Path]:
    return {database.with_name(database.name + part) for part in BESIDE}


def inspect(path: Path) -> Contents:
    """What a database holds, after checking all of it.

    Raises:
        BackupError: it is missing, damaged, not one of ours, or made by a newer version.
    """
    if not path.exists():
        raise BackupError(f"There is no file {path}.")
    try:
        with open_foreign_engine(path).connect() as connection:
            damage = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
            if damage != "ok":
                raise BackupError(f"{path} is damaged: {damage}.")
            contents = _contents(connection)
    except DBAPIError as error:
        raise BackupError(f"{path} is not a database of Itemroom: {error.orig}.") from error
    if contents.revision not in _known_revisions():
        raise BackupError(
            f"{path} is at revision {contents.revision}, which this version does not know: it was "
            "made by a newer one."
        )
    return contents


def copy(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment into a file of its own, without `-wal`. Blocks.

    Raises:
        BackupError: the source is damaged, or the disk is full.
    """
    try:
        with closing(open_read_only(source)) as origin, closing(sqlite3.connect(target)) as copied:
            # All pages in one step: in several, each commit meanwhile would start it over, and a
            # busy server's backup would never end. In WAL a reader holds no writer up.
            origin.backup(copied, pages=-1)
            copied.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied: {error}.") from error


def _contents(connection: Connection) -> Contents:
    count = select(func.count())
    # One statement: the counts are of one moment. Older backups have no pile.
    tables = [table for table in (EntryRow, PileRow) if has_table(connection, table)]
    users, items, *entries = connection.execute(
        select(
            count.select_from(User).scalar_subquery(),
            count.where(col(Item.deleted_at).is_(None)).select_from(Item).scalar_subquery(),
            *(count.select_from(table).scalar_subquery() for table in tables),
        )
    ).one()
    return Contents(revision_of(connection) or "", users, items, sum(entries))


def _known_revisions() -> set[str]:
    scripts = ScriptDirectory.from_config(configuration())
    return {script.revision for script in scripts.walk_revisions()}


def _begin_new_life(path: Path) -> None:
    """Give every log a new epoch: what clients saw after the backup will get other seqs."""
    engine = open_engine(path, writing=True, busy_timeout=0)
    try:
        migrate(engine)
        with engine.begin() as connection:
            renew_epochs(connection)
    finally:
        engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _give_to_owner(draft: Path, database: Path) -> None:
    """Let the new database belong to whom the former one did: root may restore, and not serve."""
    if database.exists():
        former = database.stat()
        os.chown(draft, former.st_uid, former.st_gid)
        draft.chmod(former.st_mode & 0o777)


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A new file for its owner alone, gone after the block unless it was renamed."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        yield path
    finally:
        for part in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + part).unlink(missing_ok=True)


def _set_aside(database: Path) -> Path | None:
    """Give the database a second name, and leave nothing beside it that SQLite would read.

    A `-wal` that stayed would be played into the database that comes in its place.
    """
    wal, shm = (database.with_name(database.name + part) for part in ("-wal", "-shm"))
    if not database.exists():
        wal.unlink(missing_ok=True)
        shm.unlink(missing_ok=True)
        # Else a power cut could bring them back beside the new database.
        sync(database.parent)
        return None
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = database.with_name(f"{database.name}.before-restore-{moment}")
    # Whoever closes a database as the last one brings its `-wal` home, so that in the steps below
    # the file alone is the database. Only a foreign process that has it open can prevent that.
    with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(database, timeout=0)) as last:
        last.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    kept.hardlink_to(database)
    for beside in (wal, shm):
        if beside.exists():
            beside.rename(kept.with_name(beside.name.replace(database.name, kept.name, 1)))
    sync(database.parent)
    return kept
