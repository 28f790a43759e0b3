"""What a commit of this node means for others: events as hints."""

from collections.abc import Sequence

from ..history.entries import Entry
from ..history.events import (
    CredentialsEnded,
    DefaultRoleChanged,
    EntryStored,
    Event,
    ItemDeleted,
    LogCut,
    MemberChanged,
    ReadMoved,
    TextAdded,
    UserDisconnected,
    UserRenamed,
)
from .broker import Broker
from .hints import EntriesStored, Hint, MarkerMoved, RightsChanged, TextGrown

Change = (
    MemberChanged
    | DefaultRoleChanged
    | ItemDeleted
    | ReadMoved
    | CredentialsEnded
    | UserRenamed
    | UserDisconnected
)


class Telling:
    """A listener of commits, which tells other nodes of them by a broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def committed(self, events: Sequence[Event]) -> None:
        """The writer has committed these: tell."""
        self._broker.send(hints_of(events))


def hints_of(events: Sequence[Event]) -> list[Hint]:
    """One for each item whose entries were stored, in the order of what was stored."""
    hints: list[Hint] = []
    grown: dict[int, Hint] = {}
    entries: dict[int, list[Entry]] = {}
    for event in events:
        if isinstance(event, EntryStored):
            _add(event.entry, entries, hints)
        elif isinstance(event, TextAdded):
            # Before the entries, and once for all of an item's.
            grown[event.item_key] = TextGrown(event.item_key)
        elif not isinstance(event, LogCut):
            # Entries before a change of rights are told before it.
            hints += map(_stored, entries.values())
            entries.clear()
            hints.append(_hint(event))
    hints += map(_stored, entries.values())
    return [*grown.values(), *hints]


def _add(entry: Entry, entries: dict[int, list[Entry]], hints: list[Hint]) -> None:
    run = entries.setdefault(entry.item_key, [])
    if run and run[-1].seq + 1 != entry.seq:
        # Of several commits, between which another node has stored.
        hints.append(_stored(run))
        run = entries[entry.item_key] = []
    run.append(entry)


def _stored(run: Sequence[Entry]) -> EntriesStored:
    return EntriesStored(run[0].item_key, run[0].seq, run[-1].seq, tuple(run))


def _hint(event: Change) -> Hint:
    match event:
        case ReadMoved(item_key, reader, seq):
            return MarkerMoved(item_key, reader, seq)
        case CredentialsEnded() | UserRenamed() | UserDisconnected():
            return RightsChanged(user_key=event.user_key)
        case MemberChanged(item_key, user_key):
            return RightsChanged(item_key, user_key)
        case _:
            return RightsChanged(event.item_key)
