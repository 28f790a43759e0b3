"""What a folder looks like after the power was cut, at any moment of a recorded life.

The rules are those that POSIX leaves to a file system at the least: a file's content is on the
disk once the file was synced, a name once its folder was. Of all else anything may be missing.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.power.recorded import HEADER


@dataclass(frozen=True)
class Record:
    """One call of the recorded program; see recorder.c."""

    kind: str
    descriptor: int
    number: int
    first: bytes
    second: bytes


def read_records(log: Path) -> Iterator[Record]:
    """All that was recorded, in order."""
    data, at = log.read_bytes(), 0
    while at < len(data):
        kind, descriptor, number, first, second = HEADER.unpack_from(data, at)
        at += HEADER.size
        middle, end = at + first, at + first + second
        yield Record(kind.decode(), descriptor, number, data[at:middle], data[middle:end])
        at = end


@dataclass
class Content:
    """Of a file: what is on the disk, and what was written since."""

    synced: bytearray = field(default_factory=bytearray)
    written: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Offset and data; None: cut off there."""

    def sync(self) -> None:
        self.synced = self.after(lambda: True)
        self.written.clear()

    def after(self, is_kept: Callable[[], bool]) -> bytearray:
        """The content if of the writes since only some are kept."""
        content = bytearray(self.synced)
        for offset, data in self.written:
            if not is_kept():
                continue
            if data is None:
                del content[offset:]
                content.extend(bytes(offset - len(content)))
            else:
                content.extend(bytes(max(0, offset - len(content))))
                content[offset : offset + len(data)] = data
        return content


class Disk:
    """A folder on a disk, while a recorded program works in it.

    Args:
        folder: where it worked.
        before: a copy of what was there before.
    """

    def __init__(self, folder: Path, before: Path) -> None:
        self._folder = folder
        self._names = {
            path.name: Content(bytearray(path.read_bytes()))
            for path in before.iterdir()
            if path.is_file()
        }
        self._synced_names = dict(self._names)
        self._steps: list[dict[str, Content | None]] = []
        """Changes of names since the folder was synced; None: the name is gone."""
        self._open: dict[int, Content | None] = {}
        """By descriptor; None: the folder itself."""

    def apply(self, record: Record) -> None:
        """One call more."""
        match record.kind:
            case "O":
                self._opened(record)
            case "W":
                self._content(record).written.append((record.number, record.first))
            case "T":
                self._content(record).written.append((record.number, None))
            case "S":
                self._synced(record.descriptor)
            case "R":
                former, name = self._name(record.first), self._name(record.second)
                self._step({name: self._names[former], former: None})
            case "L":
                self._step({self._name(record.second): self._names[self._name(record.first)]})
            case "U":
                self._step({self._name(record.first): None})

    def image(self, target: Path, *, keep: float, newest: bool, dice: random.Random) -> None:
        """Write what a power cut at this moment leaves.

        Args:
            target: a new folder.
            keep: the share of what was not synced that is on the disk all the same, by chance: no
                order holds among writes or names. 1: everything, as without a cut.
            newest: whether the latest change of names is on the disk whatever else is not.
            dice: decides.
        """
        target.mkdir()
        names: dict[str, Content | None] = dict(self._synced_names)
        for step in self._steps:
            if dice.random() < keep or (newest and step is self._steps[-1]):
                names |= step
        for name, content in names.items():
            # The -shm is no part of what SQLite promises to keep.
            if content is not None and not name.endswith("-shm"):
                path = target / name
                path.write_bytes(content.after(lambda: dice.random() < keep))
                path.chmod(0o600)

    def _opened(self, record: Record) -> None:
        if record.first.decode() == str(self._folder):
            self._open[record.descriptor] = None
            return
        name = self._name(record.first)
        if name not in self._names:
            self._step({name: Content()})
        self._open[record.descriptor] = content = self._names[name]
        if record.number & os.O_TRUNC:
            content.written.append((0, None))

    def _synced(self, descriptor: int) -> None:
        content = self._open[descriptor]
        if content is not None:
            content.sync()
            return
        self._synced_names = dict(self._names)
        self._steps.clear()

    def _step(self, changes: dict[str, Content | None]) -> None:
        self._steps.append(changes)
        for name, content in changes.items():
            if content is None:
                self._names.pop(name, None)
            else:
                self._names[name] = content

    def _content(self, record: Record) -> Content:
        content = self._open[record.descriptor]
        assert content is not None
        return content

    def _name(self, path: bytes) -> str:
        return path.decode().removeprefix(f"{self._folder}/")
