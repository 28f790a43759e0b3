"""The power is cut at any moment: what was acknowledged, and the secret, are on the disk."""

import itertools
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deadlines import scaled
from tests.power.images import Disk, Record, read_records

pytestmark = pytest.mark.timeout(120)

RECORDER = Path(__file__).with_name("recorder.c")
ROOT = Path(__file__).parent.parent.parent
# Moments of a life at which the power is cut, beside the delicate ones, and the shares of what
# was not synced that are on the disk all the same.
CUTS, KEPT = 30, (0.0, 0.5, 0.99)
# Seconds for a life of one.
PATIENCE = scaled(60)


@dataclass(frozen=True)
class Life:
    """What a program did in a folder, and the folder before and after it."""

    before: Path
    after: Path
    folder: Path
    records: list[Record]


Judge = Callable[[Path, set[str]], list[str]]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorder, compiled."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("the recorder of power cuts needs a C compiler, on Linux")
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(RECORDER), "-ldl"]
    subprocess.run(command, check=True)
    return library


@pytest.fixture(scope="module")
def served(recorder: Path, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A server's life, from its first start on."""
    return record(recorder, tmp_path_factory.mktemp("served"), "serve")


def record(recorder: Path, home: Path, mode: str, before: Path | None = None) -> Life:
    """Run the program in a copy of a folder, or in an empty one."""
    folder, kept, log = home / "folder", home / "before", home / "log"
    kept.mkdir()
    if before is not None:
        shutil.copytree(before, kept, dirs_exist_ok=True)
    shutil.copytree(kept, folder)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ITEMROOM_", "COVERAGE"))}
    preloaded = {"LD_PRELOAD": recorder, "RECORD_FOLDER": folder, "RECORD_LOG": log}
    log.touch()
    subprocess.run(
        [sys.executable, "-m", "tests.power.recorded", mode, folder, log],
        env=inherited | {key: str(value) for key, value in preloaded.items()},
        cwd=ROOT,
        check=True,
        timeout=PATIENCE,
    )
    return Life(kept, folder, folder, list(read_records(log)))


def faults(life: Life, judge: Judge, home: Path) -> list[str]:
    """What is wrong with the images of a life, cut at many moments."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    moments = {*dice.sample(range(len(life.records)), min(CUTS, len(life.records)))}
    # Right after something was promised, and while names change.
    moments |= {number for number, one in enumerate(life.records) if one.kind in "ARLU"}
    print(f"{len(moments) * len(KEPT) * 2} images of {len(life.records)} calls")
    disk, marks, found = replayed(life), set[str](), list[str]()
    home.mkdir(exist_ok=True)
    for number, one in enumerate(life.records):
        disk.apply(one)
        if one.kind == "A":
            marks.add(one.first.decode())
        if number not in moments:
            continue
        for keep, newest in itertools.product(KEPT, (False, True)):
            image = home / f"{number}-{keep}-{newest}"
            disk.image(image, keep=keep, newest=newest, dice=dice)
            found += [f"{image.name}: {fault}" for fault in judge(image, marks)]
            shutil.rmtree(image)
    return found


def replayed(life: Life) -> Disk:
    return Disk(life.folder, life.before)


def look(path: Path) -> tuple[str, set[str], str]:
    """Of a database: what is damaged, the refs of what is stored, the item's epoch.

    Whoever closes it as the last one changes the files: only copies are looked at.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        damage = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'entry'").fetchone():
            return damage, set(), ""
        query = "SELECT ref FROM entry UNION ALL SELECT ref FROM pile"
        refs = [ref for (ref,) in connection.execute(query)]
        if len(refs) > len(set(refs)):
            damage = "an entry is in two places"
        epoch = connection.execute("SELECT max(epoch) FROM item").fetchone()[0]
        return damage, set(refs), epoch or ""


def judge_server(secret: bytes) -> Judge:
    """All that was acknowledged is there, the database is sound, the secret the same."""

    def judge(image: Path, marks: set[str]) -> Iterator[str]:
        acked = {mark.removeprefix("acked ") for mark in marks if mark.startswith("acked")}
        damage, refs, _ = look(image / "test.db")
        if damage != "ok":
            yield f"damaged: {damage}"
        if not acked <= refs:
            yield f"{len(acked - refs)} acked entries are missing"
        kept = image / "test.db.secret"
        if "started" in marks and (not kept.exists() or kept.read_bytes() != secret):
            yield "the secret is missing"
        backup = image / "backup"
        if "backed up" in marks and not (backup.exists() and look(backup)[0] == "ok"):
            yield "the backup is missing or damaged"

    return lambda image, marks: list(judge(image, marks))


def test_recorder_misses_nothing(served: Life, tmp_path: Path) -> None:
    """With everything kept an image is the folder itself, byte for byte."""
    disk = replayed(served)
    for one in served.records:
        disk.apply(one)
    disk.image(tmp_path / "image", keep=1, newest=True, dice=random.Random())
    expected = {path.name for path in served.after.iterdir()} - {"test.db-shm"}
    assert {path.name for path in (tmp_path / "image").iterdir()} == expected
    for name in expected:
        assert (tmp_path / "image" / name).read_bytes() == (served.after / name).read_bytes()


def test_power_cut_keeps_what_was_acknowledged_and_the_secret(served: Life, tmp_path: Path) -> None:
    """Also while it starts for the first time, checkpoints and backs up."""
    secret = (served.after / "test.db.secret").read_bytes()
    assert faults(served, judge_server(secret), tmp_path / "images") == []


def test_power_cut_while_entries_wait_for_their_places_keeps_them(
    recorder: Path, tmp_path: Path
) -> None:
    """Also while they are moved there: each is in one table or the other."""
    life = record(recorder, tmp_path, "piling")
    secret = (life.after / "test.db.secret").read_bytes()
    assert faults(life, judge_server(secret), tmp_path / "images") == []


def test_power_cut_without_a_sync_of_the_folder_loses_the_secret(
    served: Life, tmp_path: Path
) -> None:
    """Negative control: the same life, as if nobody had synced the folder for the secret."""
    secret = (served.after / "test.db.secret").read_bytes()
    records = list(without_folder_syncs(served))
    careless = Life(served.before, served.after, served.folder, records)
    found = faults(careless, judge_server(secret), tmp_path / "images")
    assert any(fault.endswith("the secret is missing") for fault in found)


def without_folder_syncs(life: Life) -> Iterator[Record]:
    """All but the syncs of the folder once the secret has its name."""
    folder = set[int]()
    is_made = False
    for one in life.records:
        if one.kind == "O":
            is_folder = one.first.decode() == str(life.folder)
            folder = folder | {one.descriptor} if is_folder else folder - {one.descriptor}
        is_made |= one.kind == "L" and one.second.endswith(b".secret")
        if not (is_made and one.kind == "S" and one.descriptor in folder):
            yield one


def test_power_cut_without_full_synchronous_loses_what_was_acknowledged(
    recorder: Path, tmp_path: Path
) -> None:
    """Negative control: with `synchronous = NORMAL` an ack promises too much."""
    life = record(recorder, tmp_path, "careless")
    secret = (life.after / "test.db.secret").read_bytes()
    found = faults(life, judge_server(secret), tmp_path / "images")
    assert any(re.search(r"\d+ acked entries are missing", fault) for fault in found)


@pytest.mark.parametrize("lost", [False, True], ids=["over a database", "over a stale log"])
def test_power_cut_while_restoring_leaves_the_one_or_the_other(
    recorder: Path, served: Life, tmp_path: Path, *, lost: bool
) -> None:
    """The former database or the restored one, whole: never both in one, never none."""
    before, seen = tmp_path / "before it", tmp_path / "seen"
    for copy in (before, seen):
        shutil.copytree(served.after, copy)
    if lost:
        (before / "test.db").unlink()
    (before / "test.db-shm").unlink(missing_ok=True)
    _, backed_up, former_epoch = look(seen / "backup")
    _, all_refs, _ = look(seen / "test.db")
    life = record(recorder, tmp_path, "restore", before)

    def judge(image: Path, marks: set[str]) -> list[str]:
        if lost and not marks and not (image / "test.db").exists():
            return []
        damage, refs, epoch = look(image / "test.db")
        is_new = damage == "ok" and refs == backed_up and epoch != former_epoch
        is_former = damage == "ok" and refs == all_refs and epoch == former_epoch
        if is_new or (is_former and not marks and not lost):
            return []
        return [f"{damage}, {len(refs)} entries, epoch {epoch}"]

    assert len(all_refs) > len(backed_up) > 0
    assert (before / "test.db-wal").stat().st_size
    assert faults(life, judge, tmp_path / "images") == []
