"""Commands that wait to be sent, or to be answered."""

import heapq
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from itemroom.core.entries import Entry
from itemroom.core.errors import Refused
from itemroom.core.pace import Pace

MAX_REF = 64
# Said of a moment, not of the command: it is sent again.
_PASSING = frozenset({"rate_limited", "busy", "draining"})


@dataclass(eq=False)
class Command:
    """Something to be stored, under a ref that makes sending it again safe."""

    serial: int
    """Commands are sent in this order."""
    ref: str
    text: str
    size: int
    """Bytes of the frame."""
    sent_at_head: int | None = None
    """How far the log was known to go when it was first sent; None: it was not sent."""

    was_lost: bool = False
    """A connection ended between sending it and its answer."""

    def __lt__(self, other: "Command") -> bool:
        return self.serial < other.serial


class Outbox:
    """Every command from its giving until it is stored, refused or withdrawn.

    Args:
        limit: how many, at most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._serial = 0
        self._commands: dict[str, Command] = {}  # All, by ref.
        self._in_flight: dict[str, Command] = {}  # Sent on this connection, not answered.
        # To be sent, the earliest first; may hold some that are in `_commands` no more.
        self._waiting: list[Command] = []
        self._window = 1  # How many may be in flight.
        self._resumes_at = 0.0  # Nothing is sent before this time of the clock.

    @property
    def is_empty(self) -> bool:
        """Whether every command has its answer."""
        return not self._commands

    def add(self, type_: str, ref: str | None, **fields: object) -> str:
        """Take a command; its ref.

        Raises:
            Refused: `outbox_full`; `ref_conflict` when the ref is still waiting for an answer.
            ValueError, TypeError: the ref is none, or the fields are not JSON.
        """
        ref = secrets.token_urlsafe(12) if ref is None else ref
        if not (1 <= len(ref) <= MAX_REF and ref.isprintable()):
            # The server could not say which command it refuses.
            raise ValueError(f"a ref has 1 to {MAX_REF} printable characters")
        text = encode({"type": type_, "ref": ref, **fields})
        if ref in self._commands:
            raise Refused("ref_conflict", "A command with this ref still waits for its answer.")
        if len(self._commands) >= self._limit:
            raise Refused("outbox_full", f"{self._limit} commands wait already.", retry="later")
        self._serial += 1
        command = Command(self._serial, ref, text, len(text.encode()))
        self._commands[ref] = command
        heapq.heappush(self._waiting, command)
        return ref

    def connected(self, in_flight: int) -> None:
        """The server welcomes: what was not answered is sent again, in order."""
        # One less than allowed: a read marker is in flight too.
        self._window = max(1, in_flight - 1)
        for command in self._in_flight.values():
            command.was_lost = True
        self._in_flight.clear()
        self._waiting = sorted(self._commands.values())
        self._resumes_at = 0.0

    def due(self, now: float, pace: Pace, head: int) -> tuple[list[str], float | None]:
        """Frames to send now, and the seconds until more are due; None: when something changes."""
        texts: list[str] = []
        if now < self._resumes_at:
            return texts, self._resumes_at - now
        while self._waiting and len(self._in_flight) < self._window:
            command = self._waiting[0]
            if self._commands.get(command.ref) is command:
                wait = pace.take(now)
                if wait:
                    return texts, wait
                self._in_flight[command.ref] = command
                if command.sent_at_head is None:
                    command.sent_at_head = head
                texts.append(command.text)
            heapq.heappop(self._waiting)
        return texts, None

    def settle(self, ref: str | None) -> bool:
        """A command was answered, or is withdrawn; whether it was here."""
        self._in_flight.pop(ref or "", None)
        return self._commands.pop(ref or "", None) is not None

    def refused(self, refused: Refused, ref: str | None, now: float) -> bool:
        """A command was refused; whether that is the last word."""
        command = self._in_flight.get(ref or "")
        if command is None or refused.code not in _PASSING:
            return self.settle(ref)
        del self._in_flight[command.ref]
        heapq.heappush(self._waiting, command)
        self._resumes_at = max(self._resumes_at, now + (refused.retry_after or 0.0))
        return False

    def was_stored(self, entry: Entry) -> bool:
        """Whether my entry is what a command has done, whose answer was lost.

        An entry from before the command was sent only has the same ref: the server will say so.
        """
        command = self._commands.get(entry.ref or "")
        if command is None or not command.was_lost:
            return False
        return command.sent_at_head is not None and entry.seq > command.sent_at_head

    def too_big(self, limit: int) -> Iterable[str]:
        """The refs of commands that the server would close the connection for."""
        return [ref for ref, command in self._commands.items() if command.size > limit]

    def size_of(self, ref: str) -> int:
        """Bytes of a command's frame."""
        return self._commands[ref].size


def encode(fields: dict[str, object]) -> str:
    """A frame's text.

    Raises:
        ValueError, TypeError: it cannot be JSON, or UTF-8.
    """
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text.encode()
    return text
