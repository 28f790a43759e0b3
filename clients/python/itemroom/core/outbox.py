"""Commands that wait to be sent, or to be answered."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from itemroom.core.bodies import fault_in
from itemroom.core.entries import Entry
from itemroom.core.errors import Refused
from itemroom.core.pace import Pace

MAX_REF = 64
# Said of a moment, not of the command: it is sent again.
_PASSING = frozenset({"rate_limited", "busy", "draining"})
# Seconds, where such a refusal does not say when.
PASSING_WAIT = 1.0
# What each command becomes in the log.
_STORED_AS = {
    "publish": "message",
    "edit": "edit",
    "delete": "delete",
    "react": "reaction",
    "start": "message",
    "finish": "finish",
    "stop": "stop",
}


@dataclass(eq=False)
class Command:
    """Something to be stored, under a ref that makes sending it again safe."""

    text: str
    """The frame."""
    is_out: bool = False
    """Sent on this connection, and not answered."""
    was_lost: bool = False
    """A connection ended between sending it and its answer: it may be stored."""

    def is_stored_as(self, entry: Entry) -> bool:
        """Whether an entry is what this becomes in the log."""
        fields = json.loads(self.text)
        if _STORED_AS[fields["type"]] != entry.type:
            return False
        # As texts: True is no 1 there.
        return all(
            encode({"": fields.get(name)}) == encode({"": getattr(entry, name)})
            for name in ("target", "value", "on", "body")
        )

    def is_longer_than(self, limit: int) -> bool:
        """Whether the frame has more bytes than that."""
        return len(self.text.encode()) > limit


class Outbox:
    """Every command from its giving until it is stored, refused or withdrawn.

    Args:
        limit: how many, at most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._commands: dict[str, Command] = {}  # By ref, in the order of their giving.
        self._window = 1  # How many may be in flight.
        self._out = 0  # How many are.
        self._is_wary = False  # The server has said "not now": our idea of its pace is wrong.
        self._resumes_at = float("-inf")  # Nothing is sent before this time of the clock.

    @property
    def is_empty(self) -> bool:
        """Whether every command has its answer."""
        return not self._commands

    @property
    def is_awaiting(self) -> bool:
        """Whether something was sent that has no answer yet."""
        return self._out > 0

    def add(self, type_: str, ref: str | None, **fields: object) -> str:
        """Take a command; its ref. One that waits, with the same ref and content, is the same.

        Raises:
            Refused: `outbox_full`; `ref_conflict` when something else with the ref still waits.
            ValueError, TypeError: the ref is none, or the fields are not JSON.
        """
        ref = secrets.token_urlsafe(12) if ref is None else ref
        if not (1 <= len(ref) <= MAX_REF and ref.isprintable()):
            # The server could not say which command it refuses.
            raise ValueError(f"a ref has 1 to {MAX_REF} printable characters")
        text = encode({"type": type_, "ref": ref, **fields})
        if fault := fault_in(json.loads(text)):
            raise ValueError(fault)
        twin = self._commands.get(ref)
        if twin is not None and twin.text == text:
            return ref
        if twin is not None:
            raise Refused("ref_conflict", "This ref waits for the answer to something else.")
        if len(self._commands) >= self._limit:
            raise Refused("outbox_full", f"{self._limit} commands wait already.", retry="later")
        self._commands[ref] = Command(text)
        return ref

    def connected(self, in_flight: int) -> None:
        """The server welcomes: what was not answered is sent again, in order."""
        self.dropped()
        self._is_wary = False
        # Half of what the server lets wait: read markers count there too.
        self._window = max(1, in_flight // 2)

    def dropped(self) -> None:
        """The connection is no more."""
        self._out = 0
        self._resumes_at = float("-inf")
        for command in self._commands.values():
            command.was_lost = command.was_lost or command.is_out
            command.is_out = False

    def is_paused(self, now: float) -> bool:
        """Whether the server wants to be left alone."""
        return now < self._resumes_at

    def due(self, now: float, pace: Pace) -> tuple[list[str], float | None]:
        """Frames to send now, and the seconds until more are due; None: when something changes."""
        texts: list[str] = []
        if self.is_paused(now):
            return texts, self._resumes_at - now
        if self.is_empty:
            self._is_wary = False
        for command in self._commands.values():
            if self._out >= self._window:
                break
            if command.is_out:
                continue
            # What might be refused goes alone: what is sent behind it could be stored before it.
            if self._out and (self._is_wary or not pace.is_ample(now)):
                break
            if wait := pace.take(now):
                return texts, wait
            command.is_out = True
            self._out += 1
            texts.append(command.text)
        return texts, None

    def settle(self, ref: str | None) -> bool:
        """A command was answered, or is withdrawn; whether it was here."""
        command = self._commands.pop(ref or "", None)
        if command is None:
            return False
        self._out -= command.is_out
        return True

    def refused(self, refused: Refused, ref: str | None, now: float) -> bool:
        """A command was refused; whether that is the last word.

        If not, it keeps its place, and what was given later waits behind it.
        """
        if not is_passing(refused):
            return self.settle(ref)
        command = self._commands.get(ref or "")
        if command is None:
            return False
        self._out -= command.is_out
        command.is_out = False
        self._is_wary = True
        wait = PASSING_WAIT if refused.retry_after is None else refused.retry_after
        self._resumes_at = max(self._resumes_at, now + wait)
        return False

    def was_stored(self, entry: Entry) -> bool:
        """Whether my entry is what a command has done, whose answer was lost.

        One that only has the same ref is not: the server will say so.
        """
        command = self._commands.get(entry.ref or "")
        return command is not None and command.was_lost and command.is_stored_as(entry)

    def too_big(self, limit: int) -> Iterable[str]:
        """The refs of commands that the server would close the connection for."""
        return [ref for ref, one in self._commands.items() if one.is_longer_than(limit)]

    def is_too_big(self, ref: str, limit: int) -> bool:
        """Whether a command's frame has more bytes than that."""
        return self._commands[ref].is_longer_than(limit)


def is_passing(refused: Refused) -> bool:
    """Whether a refusal is said of a moment, and not of the command."""
    return refused.code in _PASSING


def encode(fields: dict[str, object]) -> str:
    """A frame's text.

    Raises:
        ValueError, TypeError: it cannot be JSON, or UTF-8.
    """
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text.encode()
    return text
