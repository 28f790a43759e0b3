import asyncio
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from api.rights.access import Access
from api.store.backups import BackupError
from api.store.sqlite.backup import back_up, inspect
from tests.store.sqlite.databases import damage, files, run, seqs
from tests.stores import Store

pytestmark = pytest.mark.anyio


async def publish_on(store: Store, access: Access, acked: list[int]) -> None:
    while True:
        stored = await asyncio.gather(*(store.publish(access) for _ in range(20)))
        acked.extend(one.seq for one in stored)


async def test_backup_under_load_holds_all_that_was_acked_before(
    store: Store, access: Access, tmp_path: Path
) -> None:
    """Each of many backups under load is sound, without a hole, and misses no earlier ack."""
    acked: list[int] = []
    load = asyncio.create_task(publish_on(store, access, acked))
    try:
        for number in range(5):
            before = len(acked)
            while len(acked) < before + 100:
                await asyncio.sleep(0.001)
            known = max(acked)
            target = tmp_path / f"backup-{number}"
            contents = await asyncio.to_thread(
                partial(back_up, store.settings.database_path, target)
            )
            found = seqs(target)
            assert found == list(range(1, len(found) + 1))
            assert len(found) >= known
            assert contents.entries == len(found)
    finally:
        load.cancel()


async def test_plain_copy_of_a_database_in_use_misses_what_was_acked(
    store: Store, access: Access, tmp_path: Path
) -> None:
    """Without `-wal` a copied file lacks the newest commits: why there is a backup command."""
    shutil.copyfile(store.settings.database_path, tmp_path / "copied")
    assert seqs(tmp_path / "copied") == []
    back_up(store.settings.database_path, tmp_path / "backup")
    assert seqs(tmp_path / "backup") == [1]


def test_backup_is_one_private_file(unused: Path, tmp_path: Path) -> None:
    """It holds hashes of passwords, and can be moved as it is."""
    target = tmp_path / "elsewhere" / "backup"
    target.parent.mkdir()
    contents = back_up(unused, target)
    assert (contents.users, contents.items, contents.entries) == (0, 2, 0)
    assert files(target.parent) == {"backup"}
    assert target.stat().st_mode & 0o777 == 0o600
    assert run(target, "PRAGMA journal_mode") == [("delete",)]


def test_backup_with_an_existing_file_is_refused_unless_forced(
    unused: Path, tmp_path: Path
) -> None:
    """Nobody loses an older backup by mistake."""
    target = tmp_path / "backup"
    target.write_text("precious")
    with pytest.raises(BackupError, match="--force"):
        back_up(unused, target)
    assert target.read_text() == "precious"
    (tmp_path / "backup.tmp").write_text("what a killed backup left")
    assert back_up(unused, target, force=True).items == 2
    assert not (tmp_path / "backup.tmp").exists()


@pytest.mark.parametrize("part", ["", "-wal", "-shm", "-journal", ".lock", ".secret"])
def test_backup_over_a_part_of_the_database_is_refused(unused: Path, part: str) -> None:
    """Not even by force."""
    with pytest.raises(BackupError, match="belongs to the database"):
        back_up(unused, unused.with_name(unused.name + part), force=True)


def test_backup_over_the_database_by_another_path_is_refused(unused: Path, tmp_path: Path) -> None:
    """A link to it, and a name whose draft would be it."""
    (tmp_path / "link").symlink_to(unused)
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "link", tmp_path / "folder" / ".." / "itemroom.db-wal"):
        with pytest.raises(BackupError, match="belongs to the database"):
            back_up(unused, target, force=True)
    unused.rename(tmp_path / "backup.tmp")
    with pytest.raises(BackupError, match="belongs to the database"):
        back_up(tmp_path / "backup.tmp", tmp_path / "backup")
    assert inspect(tmp_path / "backup.tmp").items == 2


def test_backup_of_no_database_is_refused(tmp_path: Path) -> None:
    """And none is made by looking for it."""
    with pytest.raises(BackupError, match="no database"):
        back_up(tmp_path / "missing.db", tmp_path / "backup")
    assert files(tmp_path) == set()


def test_backup_of_a_damaged_database_leaves_the_former_backup(
    unused: Path, tmp_path: Path
) -> None:
    """A copy that is not sound never takes the place of one that was."""
    target = tmp_path / "backup"
    back_up(unused, target)
    damage(unused)
    with pytest.raises(BackupError, match="cannot be copied"):
        back_up(unused, target, force=True)
    assert inspect(target).items == 2
    assert not (tmp_path / "backup.tmp").exists()


def test_backup_counts_what_waits_for_its_place(unused: Path, tmp_path: Path) -> None:
    """It is stored like the rest; and a backup from before there was a pile is one, too."""
    entries = back_up(unused, tmp_path / "one").entries
    with closing(sqlite3.connect(unused)) as connection, connection:
        connection.execute(
            "INSERT INTO pile (item_key, seq, kind, author_key, at) VALUES (1, 9, 'message', 1, 0)"
        )
    assert back_up(unused, tmp_path / "two").entries == entries + 1
    with closing(sqlite3.connect(unused)) as connection, connection:
        connection.execute("DROP TABLE pile")
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
    assert back_up(unused, tmp_path / "three").entries == entries
