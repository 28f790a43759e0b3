"""Connections on which what servers tell each other is lost, doubled, or comes late."""

import random

_MESSAGE = b"*3\r\n$7\r\nmessage\r\n"
# A server that hears itself no more begins anew: that is another fault than this one.
_BEAT = b'"beat"'


class Mishearing:
    """What all connections of a server share.

    Attributes:
        lost, doubled, late: the shares of hints that these happen to, which add up to 1 at most.
        done: how many it has happened to.
    """

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.done = 0
        self.listen()

    def listen(self, lost: float = 0, doubled: float = 0, late: float = 0) -> None:
        """From now on these shares; without any all is heard as it was told."""
        self.lost, self.doubled, self.late = lost, doubled, late

    def ear(self) -> "Ear":
        """Of one connection, whatever it is to."""
        return Ear(self)

    def connection(self) -> "Connection":
        """To Redis."""
        return Connection(self.ear())

    def of(self, hint: bytes, waiting: list[bytes]) -> list[bytes]:
        """What is heard in the place of one; those that come late are put with the waiting."""
        roll = self._dice.random()
        self.done += roll < self.lost + self.doubled + self.late
        if roll < self.lost:
            return []
        if roll < self.lost + self.doubled:
            return [hint, hint]
        if roll < self.lost + self.doubled + self.late:
            waiting.append(hint)
            return []
        return [hint, *_emptied(waiting)]


class Ear:
    """What comes by one connection, and what of it is still to come."""

    def __init__(self, mishearing: Mishearing) -> None:
        self._mishearing = mishearing
        self._waiting: list[bytes] = []

    def heard(self, hint: bytes) -> bytes:
        """What is heard now that this was told: its bytes, with all that is around the hint."""
        if _BEAT in hint:
            return b"".join([hint, *_emptied(self._waiting)])
        return b"".join(self._mishearing.of(hint, self._waiting))


class Connection:
    """Takes Redis's answers apart, as far as it takes to know the hints among them."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._downward = b""

    def up(self, data: bytes) -> bytes:
        return data

    def down(self, data: bytes) -> bytes:
        self._downward += data
        passed: list[bytes] = []
        while end := _end(self._downward, 0):
            reply, self._downward = self._downward[:end], self._downward[end:]
            passed.append(self._ear.heard(reply) if reply.startswith(_MESSAGE) else reply)
        return b"".join(passed)


def _emptied(waiting: list[bytes]) -> list[bytes]:
    """The last of them first."""
    late = waiting[::-1]
    waiting.clear()
    return late


def _end(data: bytes, start: int) -> int:
    """Where the reply that begins at `start` ends; 0: it is not complete."""
    end = data.find(b"\r\n", start) + 2
    if end == 1:
        return 0
    kind = data[start : start + 1]
    if kind not in (b"$", b"*"):
        return end
    count = int(data[start + 1 : end - 2])
    if kind == b"$":
        end += count + 2 if count >= 0 else 0
        return end if end <= len(data) else 0
    for _ in range(count):
        if not (end := _end(data, end)):
            return 0
    return end
