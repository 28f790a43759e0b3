"""A lock's file that vanishes from under the process that holds it."""

import contextlib
import fcntl
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from api.settings import Settings
from api.store.failures import DatabaseError
from api.store.sqlite.files import DatabaseFiles, Misplaced
from api.store.sqlite.lock import Lock
from tests.process import PATIENCE, Process
from tests.store.sqlite.displacing import connected, moved, publish, refs

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


def test_lock_taken_by_another_process_ends_the_server(tmp_path: Path) -> None:
    """Two would write: the one that lost it stores nothing more."""
    with Process(tmp_path) as server:
        ada = server.person("ada")
        ada.create("room")
        lock = Lock(server.database)
        with moved(lock.path):
            # The server may be quicker and make it again: then that one is moved away as well.
            while True:
                try:
                    lock.acquire(url="another")
                    break
                except DatabaseError:
                    lock.path.unlink()
            with contextlib.suppress(httpx2.TransportError):
                assert publish(ada, "lost").status_code == 503
            assert server.popen.wait(PATIENCE) == 2
            lock.release()
        assert "test.db.lock was removed, and now" in server.log
    assert refs(server.database) == []


def test_lock_that_cannot_be_made_again_stores_nothing(settings: Settings) -> None:
    """Until it can."""
    lock = Lock(settings.database_path)
    lock.acquire()
    with connected(settings) as connection, closing(DatabaseFiles(settings, lock)) as files:
        lock.path.unlink()
        lock.path.mkdir()
        with pytest.raises(Misplaced, match="cannot be made again"):
            files.check(connection)
        lock.path.rmdir()
        files.check(connection)
        assert files.lost is None
    assert lock.is_held()
    lock.release()


def test_lock_removed_while_it_is_taken_is_taken_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock on a file that has no name keeps nobody away."""
    lock = Lock(settings.database_path)
    removals = iter([lock.path.unlink])
    flock = fcntl.flock

    def interrupted(descriptor: int, operation: int) -> None:
        next(removals, lambda: None)()
        flock(descriptor, operation)

    monkeypatch.setattr("api.store.sqlite.lock.fcntl.flock", interrupted)
    lock.acquire()
    assert lock.is_held()
    with pytest.raises(DatabaseError):
        Lock(settings.database_path).acquire()
    lock.release()
    assert not lock.is_held()
