"""A database's files taken from under whoever has them open, and what is stored meanwhile."""

import array
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Connection

from api.settings import Settings
from api.store.sqlite.database import open_writing_engine
from api.store.sqlite.files import DatabaseFiles
from api.store.sqlite.lock import Lock
from tests.serving import Person


def part(database: Path, name: str) -> Path:
    return database.with_name(database.name + name)


@contextmanager
def moved(path: Path) -> Iterator[None]:
    """Elsewhere, and back after the block."""
    path.rename(path.with_name("elsewhere"))
    yield
    path.with_name("elsewhere").rename(path)


@contextmanager
def replaced(path: Path) -> Iterator[None]:
    """Another file in its place, with the same content."""
    with moved(path):
        shutil.copyfile(path.with_name("elsewhere"), path)
        yield


@contextmanager
def renamed_folder(path: Path) -> Iterator[None]:
    """All of them at once."""
    folder = path.parent
    folder.rename(folder.with_name("elsewhere"))
    yield
    folder.with_name("elsewhere").rename(folder)


@contextmanager
def read_only_folder(path: Path) -> Iterator[None]:
    """For root too, whom no permission stops: by the flag that `chattr +i` sets."""
    folder = path.parent
    if os.geteuid():
        folder.chmod(0o500)
        yield
        folder.chmod(0o700)
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        change_flags(descriptor, immutable=True)
    except OSError as error:
        os.close(descriptor)
        pytest.skip(f"root may write to any folder, and this one cannot be protected: {error}")
    try:
        yield
    finally:
        change_flags(descriptor, immutable=False)
        os.close(descriptor)


def change_flags(descriptor: int, *, immutable: bool) -> None:
    """FS_IOC_GETFLAGS and FS_IOC_SETFLAGS (linux/fs.h), with FS_IMMUTABLE_FL."""
    flags = array.array("l", [0])
    fcntl.ioctl(descriptor, 0x80086601, flags)
    flags[0] = flags[0] | 0x10 if immutable else flags[0] & ~0x10
    fcntl.ioctl(descriptor, 0x40086602, flags)


def publish(person: Person, ref: str) -> httpx2.Response:
    return person.call("POST", "/items/room/messages", json={"body": ref, "ref": ref})


def refs(database: Path) -> list[str]:
    """What is stored, as whoever opens the path finds it."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT ref FROM entry WHERE kind = 'message' ORDER BY seq")
        return [ref for (ref,) in rows]


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """The connection that writes, of no server."""
    engine = open_writing_engine(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def watched(settings: Settings) -> Iterator[tuple[Connection, DatabaseFiles]]:
    """A connection that writes, with its lock, and what looks at the files under it."""
    lock = Lock(settings.database_path)
    lock.acquire()
    with connected(settings) as connection, closing(DatabaseFiles(settings, lock)) as files:
        yield connection, files
    lock.release()
