"""Judges what became of messages that were edited, deleted and reacted to, and who saw what of it.

A log shows its messages as they stand when it is read, so what somebody saw differs from what is
there in the end by later changes alone, and those they have seen as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.nodes.crowd import Talker
from tests.serving import Fields

# What no change of a message changes in any entry.
LASTING = ("type", "seq", "at", "by", "ref", "target", "value", "on", "user", "role")
State = dict[int, tuple[object, frozenset[tuple[str, str]]]]
"""Bodies and reactions of the messages that are not deleted, by seq."""


@dataclass
class Message:
    """What became of one: what it said at first, and by the seq of each edit."""

    body: object
    edits: dict[int, object] = field(default_factory=dict)
    deleted: int | None = None

    def is_shown(self, entry: Fields, since: int) -> bool:
        """Whether an entry of it, or of an edit of it, is as it was at any moment.

        Args:
            entry: as somebody saw it.
            since: the head of the log after which that moment was.
        """
        if "deleted_seq" in entry:
            return entry["deleted_seq"] == self.deleted and "body" not in entry
        if self.deleted is not None and self.deleted <= since:
            return False
        if entry["type"] == "edit":
            return bool(entry.get("body") == self.edits[entry["seq"]])
        told = entry.get("edited_seq", 0)
        newest = max((seq for seq in self.edits if seq <= since), default=0)
        return told >= newest and bool(entry.get("body") == ({0: self.body} | self.edits).get(told))


class Changes:
    """All of them in a log.

    Args:
        log: as it is in the end.
        talkers: who has said all that is in it.
    """

    def __init__(self, log: Sequence[Fields], talkers: Sequence[Talker]) -> None:
        self._log = log
        self._talkers = talkers
        self._messages: dict[int, Message] = {}
        self._state = state_of(log)

    def faults(self) -> Iterable[str]:
        """Of the log itself, and of what was answered."""
        said = {sent.ref: sent.body for one in self._talkers for sent in one.sent.values()}
        for entry in self._log:
            yield from self._note(entry, said.get(entry.get("ref", ""), entry.get("body")))
        yield from self.misshown("the log", self._log, len(self._log))
        for talker in self._talkers:
            yield from self._misanswered(talker)

    def _note(self, entry: Fields, body: object) -> Iterable[str]:
        seq = entry["seq"]
        if entry["type"] == "message":
            self._messages[seq] = Message(body)
        elif "target" in entry:
            message = self._messages.get(entry["target"])
            if message is None or message.deleted is not None:
                yield f"{seq} changes {entry['target']}, which is not there"
            elif entry["type"] == "edit":
                message.edits[seq] = body
            elif entry["type"] == "delete":
                message.deleted = seq

    def misshown(self, who: str, seen: Sequence[Fields], since: int = 0) -> Iterable[str]:
        """What nobody can have seen who asked when the log had that head."""
        for entry in seen:
            there = self._log[entry["seq"] - 1] if entry["seq"] <= len(self._log) else {}
            if any(entry.get(name) != there.get(name) for name in LASTING):
                yield f"{who} saw what the log does not have: {entry}"
                continue
            place = entry["seq"] if entry["type"] == "message" else entry.get("target")
            message = self._messages.get(place or 0)
            about = entry["type"] in ("message", "edit")
            if about and message is not None and not message.is_shown(entry, since):
                yield f"{who} saw {entry}, which after {since} was {message}"

    def misremembered(self, who: str, seen: Sequence[Fields]) -> Iterable[str]:
        """What somebody who has seen all has made of it, if that is not what there is."""
        if state_of(seen) != self._state:
            yield f"{who} has arrived at other messages than the log"

    def mislisted(self, messages: Sequence[Fields]) -> Iterable[str]:
        """Messages as a server lists them, if they are not what there is."""
        listed = {
            one["seq"]: (
                one.get("body"),
                frozenset(
                    (value, user)
                    for value, users in one.get("reactions", {}).items()
                    for user in users
                ),
            )
            for one in messages
            if "deleted_seq" not in one
        }
        if listed != self._state or len(messages) != len(self._messages):
            yield "a server lists other messages than the log has"

    def _misanswered(self, talker: Talker) -> Iterable[str]:
        stored = {entry.get("ref") for entry in self._log}
        for ref, act in talker.acts.items():
            seq = talker.sent[ref].seq
            if seq and not any(map(act.is_entry, self._log[seq - 1 : seq])):
                yield f"{ref} was acked as {seq}, which is something else"
            if ref in talker.too_late:
                message = self._messages.get(act.target or 0)
                if ref in stored or message is None or message.deleted is None:
                    yield f"{ref} was refused, and {act.target} is there"


def state_of(entries: Iterable[Fields]) -> State:
    """What whoever applies entries in their order arrives at."""
    state: State = {}
    for entry in entries:
        if entry["type"] == "message":
            if "deleted_seq" not in entry:
                state[entry["seq"]] = entry.get("body"), frozenset()
        elif entry.get("target") in state:
            _apply(entry, state)
    return state


def _apply(entry: Fields, state: State) -> None:
    target = entry["target"]
    body, reactions = state[target]
    if entry["type"] == "delete":
        del state[target]
    elif entry["type"] == "reaction":
        one = {(entry["value"], entry["by"]["id"])}
        state[target] = body, reactions | one if entry["on"] else reactions - one
    elif "body" in entry:
        state[target] = entry["body"], reactions
