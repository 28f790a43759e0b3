"""The live side of all items: which seats are taken, and what a commit means for them.

Pure: it is told of commits, and calls seats. Lives on the event loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol

from ..history.entries import Author, Entry
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
from . import frames
from .frames import PresenceSummary
from .guests import Guests
from .presence import Presence
from .room import Member, Room

# Members of a room whose entries wait for those of a commit that is under way. A timer runs for a
# millisecond at least, and fewer are told sooner than that.
CROWD = 150
# Seconds that a write to one of them takes: whoever waits in vain loses no more than what telling
# twice would have cost.
WRITE_SECONDS = 6e-6


class Lookout(Protocol):
    """Who finds out what other servers of the same database store."""

    def opened(self, room: Room) -> None:
        """From now on an item has somebody in its room."""

    def closed(self, room: Room) -> None:
        """From now on it has nobody."""

    def behind(self, room: Room) -> None:
        """Something is stored that has to be read before members are told any more."""

    def moved(self, item_key: int) -> None:
        """Somebody has connected to an item here, or disconnected."""

    def signalled(self, item_key: int, author: Author, name: str, body: bytes) -> None:
        """Somebody has told all who are in an item's room something that is stored nowhere."""


UserEvent = CredentialsEnded | UserRenamed | UserDisconnected
ItemEvent = MemberChanged | DefaultRoleChanged | ItemDeleted | ReadMoved


@dataclass(frozen=True, slots=True)
class Moment:
    """How much of what commits change the live side had heard of.

    Whoever reads the database notes the moment before: if it has moved when the answer is used,
    the answer may be of before what was heard.
    """

    rights: int
    """Changes of rights, anywhere."""
    commits: int


class Hub:
    """All rooms with somebody in them, and all connections.

    Args:
        recent_entries: what a room keeps in memory.
        presence_grace: seconds, as `presence_interval`; see `Presence`.
    """

    def __init__(
        self, *, recent_entries: int, presence_grace: float, presence_interval: float
    ) -> None:
        self._recent_entries = recent_entries
        self._presence_grace = presence_grace
        self._presence_interval = presence_interval
        self._rooms: dict[int, Room] = {}
        self._commits = 0  # Heard of so far.
        self._rights = 0  # Changes of rights in them.
        self.guests = Guests()
        """All connections, by user."""
        self.lookout: Lookout | None = None
        """None: no other server stores in this database."""

    @property
    def moment(self) -> Moment:
        """What has been heard of by now."""
        return Moment(self._rights, self._commits)

    @property
    def rooms(self) -> int:
        """How many rooms have somebody in them."""
        return len(self._rooms)

    def members(self) -> list[Member]:
        """Every seat that is taken."""
        return [member for room in self._rooms.values() for member in room.members]

    def open_rooms(self) -> list[Room]:
        """Every room with somebody in it."""
        return list(self._rooms.values())

    def room(self, item_key: int) -> Room | None:
        """An item's room, if somebody is in it."""
        return self._rooms.get(item_key)

    def attendance(self) -> list[tuple[str, int, int]]:
        """Each item with somebody in its room: its id, its users and its connections."""
        found = []
        for room in self._rooms.values():
            members = tuple(room.members)
            if members:
                users = {member.user.key for member in members}
                found.append((members[0].access.item_id, len(users), len(members)))
        return found

    def presence(self, item_key: int) -> PresenceSummary:
        """Who is in an item's room: `count`, and `users` unless there are too many."""
        room = self._rooms.get(item_key)
        return room.presence.summary() if room is not None else {"count": 0, "users": []}

    def join(self, item_key: int, member: Member) -> Room:
        """From now on the seat hears of every commit."""
        room = self._rooms.get(item_key) or self._open(item_key)
        room.members.add(member)
        room.presence.join(member.user, is_shared=member.is_shared)
        return room

    def leave(self, item_key: int, member: Member, *, at_once: bool = False) -> None:
        """The seat is left; `at_once`: its user will not be back."""
        room = self._rooms.get(item_key)
        if room is None:
            return  # Closed before a connection that did not end in time.
        room.members.discard(member)
        room.presence.leave(member.user, at_once=at_once, is_shared=member.is_shared)

    def close(self) -> None:
        """End what the rooms still have running; the connections are gone by then."""
        for room in self._rooms.values():
            room.presence.close()
        self._rooms.clear()

    def patience(self, events: Sequence[Event]) -> float:
        """Seconds that these may wait to be told with more: only entries, for a crowd."""
        crowd = 0
        for event in events:
            if not isinstance(event, EntryStored):
                return 0.0  # Changed rights hold at once.
            room = self._rooms.get(event.entry.item_key)
            if room is not None:
                crowd = max(crowd, len(room.members))
        return crowd * WRITE_SECONDS if crowd >= CROWD else 0.0

    def committed(self, events: Sequence[Event]) -> None:
        """What the writer has committed, in order: fan it out, and apply changed rights.

        Entries before a removal reach the removed connection, entries after it do not.
        """
        self._commits += 1
        entries: list[Entry] = []
        for event in events:
            if isinstance(event, EntryStored):
                entries.append(event.entry)
            elif isinstance(event, TextAdded):
                # Before the end of its message, which may be in the same commit: what is told of
                # that is less when all its text was told.
                self.add_text(event)
            elif not isinstance(event, LogCut):
                # What was stored before a change of rights is told by the rights of before.
                self._rights += not isinstance(event, ReadMoved)
                self._store(entries)
                entries = []
                self._apply(event)
        self._store(entries)

    def add_text(self, added: TextAdded) -> None:
        """A message in the making has more text."""
        room = self._rooms.get(added.item_key)
        if room is not None:
            room.add_text(added)

    def _store(self, entries: Sequence[Entry]) -> None:
        by_item: dict[int, list[Entry]] = {}
        for entry in entries:
            if entry.item_key in self._rooms:
                by_item.setdefault(entry.item_key, []).append(entry)
        for item_key, stored in by_item.items():
            if self.lookout is None:
                self._rooms[item_key].store(stored)
            else:
                self._hear(self.lookout, self._rooms[item_key], stored)

    def _hear(self, lookout: Lookout, room: Room, stored: Sequence[Entry]) -> None:
        """Of one item, from several commits: others may have stored between them."""
        pairs = enumerate(pairwise(stored), start=1)
        holes = [place for place, (one, other) in pairs if other.seq > one.seq + 1]
        for start, end in pairwise([0, *holes, len(stored)]):
            if room.hear(stored[end - 1].seq, stored[start:end]):
                lookout.behind(room)

    def heard(self, item_key: int, last: int, entries: Sequence[Entry]) -> None:
        """Another server has stored these; none of them: up to `last`, whatever they are."""
        self._commits += 1
        room = self._rooms.get(item_key)
        if room is not None and self.lookout is not None and room.hear(last, entries):
            self.lookout.behind(room)

    def signal(self, sender: Member, item_key: int, name: str, body: bytes) -> None:
        """Tell all others in an item's room something that is stored nowhere; the body is JSON."""
        self._rooms[item_key].tell(frames.signal(name, sender.user, body), but=sender)
        if self.lookout is not None:
            self.lookout.signalled(item_key, sender.user, name, body)

    def rights_moved(self) -> None:
        """Another server has changed rights: what was read before does not count."""
        self._rights += 1

    def rename(self, user_key: int, name: str) -> None:
        """A user is shown by another name."""
        self._rename(UserRenamed(user_key, name))

    def _apply(self, event: UserEvent | ItemEvent) -> None:
        if isinstance(event, CredentialsEnded):
            for guest in self.guests.concerned(event.user_key):
                guest.credentials_ended(event.ended)
            return
        if isinstance(event, UserDisconnected):
            for guest in self.guests.of(event.user_key):
                guest.end("disconnected")
            return
        if isinstance(event, UserRenamed):
            self._rename(event)
            return
        room = self._rooms.get(event.item_key)
        if room is not None:
            _apply_to_room(room, event)

    def _rename(self, event: UserRenamed) -> None:
        for guest in self.guests.of(event.user_key):
            guest.rename(event.name)
        for room in self._rooms.values():
            room.presence.rename(event.user_key, event.name)

    def _open(self, item_key: int) -> Room:
        presence = Presence(
            grace=self._presence_grace,
            interval=self._presence_interval,
            announce=partial(self._announce, item_key),
            emptied=partial(self._close, item_key),
            moved=partial(self._moved, item_key),
        )
        room = Room(item_key, recent_entries=self._recent_entries, presence=presence)
        self._rooms[item_key] = room
        if self.lookout is not None:
            self.lookout.opened(room)
        return room

    def _announce(self, item_key: int, frame: frames.Presence) -> None:
        self._rooms[item_key].tell(frame)

    def _moved(self, item_key: int) -> None:
        if self.lookout is not None:
            self.lookout.moved(item_key)

    def _close(self, item_key: int) -> None:
        room = self._rooms.pop(item_key)
        room.presence.close()
        if self.lookout is not None:
            self.lookout.closed(room)


def _apply_to_room(room: Room, event: ItemEvent) -> None:
    if isinstance(event, ReadMoved):
        room.tell(frames.read(event.reader, event.seq))
        return
    for member in tuple(room.members):
        match event:
            case ItemDeleted():
                member.end("item_deleted")
            case DefaultRoleChanged():
                member.judge(member_role=member.standing.member_role, default_role=event.role)
            case MemberChanged() if event.user_key == member.user.key:
                member.judge(member_role=event.role, default_role=member.standing.default_role)
