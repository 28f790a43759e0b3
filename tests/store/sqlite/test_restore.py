"""A backup put back: what it replaces, what is kept, and what it refuses."""

import asyncio
import itertools
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.rights.access import Access
from api.settings import Settings
from api.store.backups import BackupError
from api.store.failures import DatabaseError
from api.store.sqlite.backup import back_up, inspect, restore
from api.store.sqlite.lock import Lock
from tests.serving import LiveServer
from tests.store.sqlite.databases import damage, files, run, seqs
from tests.stores import Store

pytestmark = pytest.mark.anyio


def test_restore_of_what_a_killed_restore_left_keeps_it(
    settings: Settings, unused: Path, tmp_path: Path
) -> None:
    """Each restore begins by removing it: as a source it would be gone before it is read."""
    left = tmp_path / "itemroom.db.restoring"
    back_up(unused, left)
    with pytest.raises(BackupError, match="another name"):
        restore(settings, left)
    assert inspect(left).items == 2


def test_restore_through_a_link_replaces_the_file_itself(unused: Path, tmp_path: Path) -> None:
    """The link stays one."""
    back_up(unused, tmp_path / "backup")
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(unused)
    restore(Settings(database_url=f"sqlite:///{link}"), tmp_path / "backup")
    assert link.is_symlink()
    assert run(unused, "SELECT count(*) FROM item WHERE epoch = 'life-1'") == [(0,)]


def make_missing(path: Path) -> None:
    path.unlink()


def make_text(path: Path) -> None:
    path.write_text("no database at all, and quite long enough to look at " * 100)


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def make_unsound(path: Path) -> None:
    """A bit has turned over: the page is one still, but an index and its table disagree."""
    run(path, "UPDATE item SET id = 'in both of them' WHERE id = 'b'")
    whole = path.read_bytes()
    assert whole.count(b"in both of them") == 2
    path.write_bytes(whole.replace(b"in both of them", b"in both of thel", 1))


def make_newer(path: Path) -> None:
    run(path, "UPDATE alembic_version SET version_num = '9999'")


def make_unversioned(path: Path) -> None:
    run(path, "DELETE FROM alembic_version")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (make_missing, "no file"),
        (make_text, "not a database of Itemroom"),
        (make_empty, "not a database of Itemroom"),
        (damage, "not a database of Itemroom"),
        (make_unsound, "damaged"),
        (make_newer, "newer"),
        (make_unversioned, "revision"),
    ],
)
def test_restore_of_what_is_no_sound_backup_changes_nothing(
    spoil: Any, sentence: str, settings: Settings, unused: Path, tmp_path: Path
) -> None:
    """The database stays as it was, byte for byte, with nothing new beside it."""
    target = tmp_path / "backup"
    back_up(unused, target)
    spoil(target)
    whole, before = unused.read_bytes(), files(tmp_path)
    with pytest.raises(BackupError, match=sentence):
        restore(settings, target)
    assert unused.read_bytes() == whole
    assert files(tmp_path) - before <= {"itemroom.db.lock"}


def test_restore_gives_every_log_another_epoch(
    settings: Settings, unused: Path, tmp_path: Path
) -> None:
    """What was kept under a seq is not what clients may have seen under it since."""
    back_up(unused, tmp_path / "backup")
    contents, kept = restore(settings, tmp_path / "backup")
    rows = run(unused, "SELECT id, head, epoch FROM item ORDER BY id")
    assert contents.items == 2
    assert [row[:2] for row in rows] == [("a", 3), ("b", 0)]
    assert len({"life-1", *(row[2] for row in rows)}) == 3
    assert kept is not None
    assert run(kept, "SELECT DISTINCT epoch FROM item") == [("life-1",)]


def test_restore_without_a_former_database_makes_one(
    settings: Settings, unused: Path, tmp_path: Path
) -> None:
    """As on a new machine; what lies about of a lost database does not get into it."""
    back_up(unused, tmp_path / "backup")
    unused.unlink()
    unused.with_name(unused.name + "-wal").write_bytes(b"of a database that is gone")
    contents, kept = restore(settings, tmp_path / "backup")
    assert (contents.items, kept) == (2, None)
    assert files(tmp_path) == {"backup", "itemroom.db", "itemroom.db.lock"}


def test_restore_of_the_database_itself_is_refused(settings: Settings, unused: Path) -> None:
    """Also under another name."""
    other = unused.with_name("other-name")
    other.hardlink_to(unused)
    with pytest.raises(BackupError, match="itself"):
        restore(settings, other)


def test_restore_while_the_lock_is_held_is_refused(
    settings: Settings, unused: Path, tmp_path: Path
) -> None:
    """And works once it is free."""
    back_up(unused, tmp_path / "backup")
    lock = Lock(unused)
    lock.acquire()
    with pytest.raises(DatabaseError, match="holds this database"):
        restore(settings, tmp_path / "backup")
    lock.release()
    restore(settings, tmp_path / "backup")


def test_restore_keeps_the_former_files_mode(
    settings: Settings, unused: Path, tmp_path: Path
) -> None:
    """Root may restore what another user serves."""
    back_up(unused, tmp_path / "backup")
    unused.chmod(0o640)
    restore(settings, tmp_path / "backup")
    assert unused.stat().st_mode & 0o777 == 0o640


async def test_restore_after_a_crash_keeps_what_the_crash_left(
    store: Store, access: Access, tmp_path: Path
) -> None:
    """Commits that were only in `-wal` are in the kept database, and not in the restored one."""
    back_up(store.settings.database_path, tmp_path / "backup")
    for _ in range(3):
        await store.publish(access)
    crashed = crash(store, tmp_path / "crashed")
    _, kept = restore(crashed, tmp_path / "backup")
    assert kept is not None
    assert seqs(crashed.database_path) == [1]
    assert seqs(kept) == [1, 2, 3, 4]
    assert inspect(kept).entries == 4


async def test_restore_over_a_damaged_database_keeps_it(
    store: Store, access: Access, tmp_path: Path
) -> None:
    """For whoever wants to rescue more; none of it gets into the new one."""
    back_up(store.settings.database_path, tmp_path / "backup")
    crashed = crash(store, tmp_path / "crashed")
    path = crashed.database_path
    path.write_bytes(b"\xff" * path.stat().st_size)
    _, kept = restore(crashed, tmp_path / "backup")
    assert kept is not None
    assert kept.read_bytes().startswith(b"\xff")
    assert files(path.parent) == {path.name, f"{path.name}.lock", kept.name}
    assert inspect(path).entries == 1


async def test_restore_beside_a_foreign_reader_moves_the_wal_away(
    store: Store, access: Access, tmp_path: Path
) -> None:
    """Somebody's open `sqlite3` keeps the `-wal` in use: it goes with its own database."""
    back_up(store.settings.database_path, tmp_path / "backup")
    for _ in range(3):
        await store.publish(access)
    crashed = crash(store, tmp_path / "crashed")
    path = crashed.database_path
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("BEGIN")
        assert foreign.execute("SELECT count(*) FROM entry").fetchone() == (4,)
        _, kept = restore(crashed, tmp_path / "backup")
        assert not path.with_name(f"{path.name}-wal").exists()
        assert seqs(path) == [1]
        assert kept is not None
        assert seqs(kept) == [1, 2, 3, 4]


def crash(store: Store, directory: Path) -> Settings:
    """What a killed server leaves: the files as they are at this moment."""
    directory.mkdir()
    path = store.settings.database_path
    for part in ("", "-wal"):
        shutil.copyfile(path.with_name(path.name + part), directory / (path.name + part))
    return Settings(database_url=f"sqlite:///{directory / path.name}")


async def test_restored_log_tells_clients_that_it_does_not_go_on(
    settings: Settings, tmp_path: Path
) -> None:
    """A newer cursor is never answered with other entries under numbers that were seen."""
    with LiveServer(settings) as server:
        ada = server.person("ada")
        ada.create("order-17")
        for number in range(3):
            ada.publish("order-17", f"kept {number}")
        await asyncio.to_thread(back_up, settings.database_path, tmp_path / "backup")
        seen = [ada.publish("order-17", f"lost {number}")["seq"] for number in range(3)]
        async with ada.room("order-17") as talk:
            cursor = {"after": seen[-1], "epoch": talk.welcome["epoch"]}
    restore(settings, tmp_path / "backup")
    with LiveServer(settings) as server:
        ada.server = server
        again = [ada.publish("order-17", f"other {number}")["seq"] for number in range(4)]
        assert set(again) & set(seen)
        # With the old epoch, wherever the cursor is: before the backup too, for it cannot know.
        for after in (cursor["after"], 1):
            async with ada.room("order-17", after=after, epoch=cursor["epoch"]) as talk:
                assert talk.welcome["recovered"] is False
                assert talk.welcome["epoch"] != cursor["epoch"]


def test_two_restores_keep_two_databases(settings: Settings, unused: Path, tmp_path: Path) -> None:
    """The names of what is kept tell when it was replaced."""
    back_up(unused, tmp_path / "backup")
    kept = [restore(settings, tmp_path / "backup")[1] for _ in range(2)]
    assert None not in kept
    assert len(set(kept)) == 2
    assert all(one < two for one, two in itertools.pairwise(map(str, kept)))
