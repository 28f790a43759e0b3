"""Connections to PostgreSQL that end at the worst moment: with a commit, before its answer.

And those that carry what servers tell each other, which can be misheard.
"""

from collections import deque

from tests.nodes.links import Cut, Passage
from tests.nodes.mishearing import Ear

# Messages without a type of their own, by which a client asks for encryption before it begins.
_ASKS = {80877103, 80877104}
_STORES = b"INSERT INTO entry "
_COMMIT = b"COMMIT"
_CARRIES = (b"LISTEN ", b"SELECT pg_notify(")
_NOTIFICATION = b"A"
_IDLE = b"I"


class Scissors:
    """What all connections of a server share: how many commits of entries are still to be cut."""

    def __init__(self) -> None:
        self._wanted: deque[bool] = deque()
        self.done = 0

    def cut(self, count: int, *, arrive: bool = True) -> None:
        """The next ones; `arrive`: their bytes get there, and only the answer does not."""
        self._wanted.extend([arrive] * count)

    @property
    def left(self) -> int:
        """How many have not been cut yet."""
        return len(self._wanted)

    def stop(self) -> None:
        """Those that have not been cut yet will not be."""
        self._wanted.clear()

    def connection(self, ear: Ear | None = None) -> "Connection":
        """With an ear, what comes by NOTIFY may be misheard."""
        return Connection(self, ear)

    def take(self) -> bool | None:
        """Whether the commit that is to be cut now arrives; None: none is."""
        if not self._wanted:
            return None
        self.done += 1
        return self._wanted.popleft()


class Connection:
    """Takes PostgreSQL's messages apart as far as it takes to know what commits entries.

    Attributes:
        carries_hints: it is one that tells others something, or hears it.
    """

    def __init__(self, scissors: Scissors, ear: Ear | None) -> None:
        self._scissors = scissors
        self._ear = ear
        self.carries_hints = False
        self._has_begun = False
        self._asked = 0  # Answers of one byte, without a message around it, that are to come.
        self._upward = self._downward = b""
        self._statements: dict[bytes, bytes] = {}  # Prepared ones, by name.
        self._status = _IDLE  # Of the session's transaction, as the server told last.
        self._stores = self._commits = False  # Since the last one ended.

    def up(self, data: bytes) -> bytes:
        self._upward += data
        passed = b""
        while message := self._next_upward():
            if self._note(message) and (arrives := self._scissors.take()) is not None:
                raise Cut(passed + message if arrives else passed)
            passed += message
        return passed

    def down(self, data: bytes) -> bytes:
        self._downward += data
        passed: list[bytes] = []
        while self._downward:
            if self._asked:
                self._asked, size = self._asked - 1, 1
            elif (size := _size(self._downward, 1)) and self._downward[:1] == b"Z":
                self._status = self._downward[5:6]
                if self._status == _IDLE:
                    self._stores = self._commits = False
            if not size:
                break
            message, self._downward = self._downward[:size], self._downward[size:]
            is_hint = self._ear is not None and message[:1] == _NOTIFICATION
            passed.append(self._ear.heard(message) if self._ear and is_hint else message)
        return b"".join(passed)

    def _next_upward(self) -> bytes:
        size = _size(self._upward, int(self._has_begun))
        message, self._upward = self._upward[:size], self._upward[size:]
        return message

    def _note(self, message: bytes) -> bool:
        """Whether with this one entries are committed."""
        if not self._has_begun:
            asks = int.from_bytes(message[4:8]) in _ASKS
            self._asked += asks
            self._has_begun = not asks
            return False
        kind, content = message[:1], message[5:]
        if kind == b"Q":
            self._run(content)
        elif kind == b"P":
            name, text, _ = content.split(b"\0", 2)
            self._statements[name] = text
        elif kind == b"B":
            _, name, _ = content.split(b"\0", 2)
            self._run(self._statements.get(name, b""))
        ends = kind in (b"Q", b"S")
        return ends and self._stores and (self._commits or self._status == _IDLE)

    def _run(self, text: bytes) -> None:
        self._stores |= _STORES in text
        self._commits |= text.startswith(_COMMIT)
        self.carries_hints |= text.startswith(_CARRIES)


def carries_hints(passage: Passage) -> bool:
    """Which connections to PostgreSQL do, by those who send or hear them."""
    return isinstance(passage, Connection) and passage.carries_hints


def _size(data: bytes, type_bytes: int) -> int:
    """Of the message at the beginning; 0: it is not complete."""
    head = type_bytes + 4
    if len(data) < head:
        return 0
    size = type_bytes + int.from_bytes(data[type_bytes:head])
    return size if len(data) >= size else 0
