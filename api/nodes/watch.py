"""What other nodes store, brought to the rooms of this one. Lives on the event loop.

Whatever it was that said so (a hint, a look at the database), rooms are brought up to date by what
the database says: once for a room, not once for each of its members.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from ..errors import Refusal
from ..history.commands import Call
from ..history.entries import Author, Entry
from ..history.epochs import begin_epoch
from ..history.events import TextAdded
from ..history.extent import Extent
from ..history.reader import read_entries
from ..history.stream_rows import read_grown
from ..history.writer import Writer
from ..live import frames
from ..live.guests import Judged, judged_of
from ..live.hub import Hub
from ..live.room import Room
from ..rights.access import Principal, Standing
from ..store.readers import Readers
from .broker import Broker
from .company import Company
from .hints import EntriesStored, MarkerMoved, RightsChanged, Signalled, TextGrown
from .reads import ItemMoved, RightsNow, read_rights, read_standings

logger = logging.getLogger("itemroom.nodes")
Answer = tuple[list[Entry], Extent]


class Watch:
    """Acts on what is heard of other nodes.

    Args:
        hub: whose rooms these are.
        readers: ask the database.
        writer: begins a new life of a log that has lost its end.
        broker: hears of the items that are open here.
        company: knows who is in their rooms elsewhere.
        page_max: entries in one read.
        repaired: called with what a look at the database has found before any hint: `entries`,
            an `epoch`; and each time that somebody is judged by what it says: `rights`.
    """

    def __init__(
        self,
        hub: Hub,
        readers: Readers,
        writer: Writer,
        broker: Broker,
        company: Company,
        *,
        page_max: int,
        repaired: Callable[[str], None],
    ) -> None:
        self._hub = hub
        self._readers = readers
        self._writer = writer
        self._broker = broker
        self._company = company
        self._page_max = page_max
        self._repaired = repaired
        self._reading: set[Room] = set()  # One read for a room at a time.
        self._growing: dict[Room, bool] = {}  # Likewise of text; whether more came meanwhile.
        # Former epochs by item, from when a log is seen to lack what was told until it has another.
        self._lost: dict[int, str] = {}
        self.trusts_bodies = True
        """Whether entries of hints may be told: not for long without the database, which alone
        knows who has been removed meanwhile."""

    def opened(self, room: Room) -> None:
        """From now on an item has somebody in its room."""
        self._broker.subscribe(room.item_key)
        self._company.look(room.item_key)

    def closed(self, room: Room) -> None:
        """From now on it has nobody."""
        self._broker.unsubscribe(room.item_key)

    def moved(self, item_key: int) -> None:
        """Somebody has connected to an item here, or disconnected."""
        self._company.moved(item_key)

    def signalled(self, item_key: int, author: Author, name: str, body: bytes) -> None:
        """Somebody here has told all in an item's room something: tell those elsewhere."""
        self._broker.send([Signalled(item_key, author, name, body)])

    def signal_heard(self, hint: Signalled) -> None:
        """Somebody elsewhere has told all in an item's room something."""
        room = self._hub.room(hint.item_key)
        # As with entries: without the database nobody knows who is still to hear it.
        if room is not None and self.trusts_bodies:
            room.tell(frames.signal(hint.name, hint.author, hint.body))

    def entries_stored(self, hint: EntriesStored) -> None:
        """Another node has stored entries."""
        entries = hint.entries if self.trusts_bodies else ()
        self._hub.heard(hint.item_key, hint.last, entries)

    def marker_moved(self, hint: MarkerMoved) -> None:
        """Somebody has read on, at another node."""
        room = self._hub.room(hint.item_key)
        if room is not None:
            room.tell(frames.read(hint.reader, hint.seq))

    def text_grown(self, hint: TextGrown) -> None:
        """Another node has stored text of messages in the making."""
        room = self._hub.room(hint.item_key)
        if room is not None:
            self.read_text(room)

    def read_text(self, room: Room) -> None:
        """Bring its messages in the making up to date."""
        if not room.drafts:
            return  # What is not known here comes with its entry, or is read by who comes.
        if room in self._growing:
            self._growing[room] = True
            return
        self._growing[room] = False
        self._ask(
            partial(self._text_read, room),
            partial(self._text_asked, room),
            read_grown,
            room.item_key,
            room.drafts.lengths,
        )

    def _text_asked(self, room: Room) -> None:
        if self._growing.pop(room):
            self.read_text(room)  # What comes twice is told once.

    def _text_read(self, room: Room, found: Sequence[TextAdded]) -> None:
        for added in found:
            room.add_text(added)

    def rights_changed(self, hint: RightsChanged) -> None:
        """Another node has changed rights."""
        self._hub.rights_moved()
        if hint.item_key:
            self._judge_item(hint.item_key)
        elif hint.user_key is not None:
            self.judge_user(hint.user_key)

    def behind(self, room: Room) -> None:
        """Read what the room has to tell next."""
        if room in self._reading:
            return
        self._reading.add(room)
        progress = room.progress
        self._ask(
            partial(self._entries_read, room, progress.told, progress.stored),
            partial(self._reading.discard, room),
            read_entries,
            room.item_key,
            progress.told or 0,
            self._page_max,
        )

    def item_moved(self, moved: ItemMoved, told: int) -> None:
        """An item is not as it was known.

        Args:
            moved: what it is.
            told: how far its room was when that was asked.
        """
        room = self._hub.room(moved.key)
        if room is None:
            return
        if room.epoch not in (None, moved.epoch):
            self._repaired("epoch")
            room.begin_anew()
        elif moved.head < told:
            # What was acknowledged and told is gone: a failover to a copy that lacked it.
            logger.error("an item's log has lost its end, from %d to %d", moved.head, told)
            self._begin_epoch(room)
        elif moved.head > (room.progress.told or 0):
            self._repaired("entries")
            self._hub.heard(moved.key, moved.head, ())
        if any(member.standing.item_rights != moved.rights for member in room.members):
            self._judge_item(moved.key)

    def recall(self, room: Room) -> None:
        """Compare the end of what was told with what is stored.

        A copy that the database has gone on from may have lacked it, and others may have stored
        since: the head alone does not show that. One entry is enough, since a copy has all that is
        before the newest that it has.
        """
        if (newest := room.newest) is not None:
            compare = partial(self._recalled, room, newest)
            self._ask(compare, _nothing, read_entries, room.item_key, newest.seq - 1, 1)

    def judge_user(self, user_key: int) -> None:
        """Judge a user's connections by what the database says, and call them what it does."""
        judged = judged_of(self._hub.guests.concerned(user_key))
        if not judged:
            return
        asked = [(one.principal, one.item_id) for one in judged]
        again = partial(self.judge_user, user_key)
        judge = partial(self._user_read, user_key, list(zip(judged, asked, strict=True)))
        self._ask(self._unless_moved(judge, again), _nothing, read_standings, user_key, asked)

    def _judge_item(self, item_key: int) -> None:
        room = self._hub.room(item_key)
        if room is None:
            return
        users = {member.user.key for member in room.members}
        judge = partial(self._rights_read, room, users)
        again = partial(self._judge_item, item_key)
        self._ask(self._unless_moved(judge, again), _nothing, read_rights, item_key, sorted(users))

    def _unless_moved(
        self, act: Callable[..., None], again: Callable[[], None]
    ) -> Callable[..., None]:
        """Act on an answer, unless rights have changed since it was asked for: then ask again."""
        rights = self._hub.moment.rights

        def answered(*answer: object) -> None:
            if self._hub.moment.rights == rights:
                act(*answer)
            else:
                again()

        return answered

    def _entries_read(self, room: Room, asked: int | None, stored: int, answer: Answer) -> None:
        entries, extent = answer
        is_behind = room.catch_up(entries, extent, stored=stored)
        # Hints may have brought what was asked for, and then something with another hole. Where
        # nothing came at all, nothing more is there: the next look sees to that.
        if is_behind and room.progress.told != asked:
            self.behind(room)

    def _recalled(self, room: Room, newest: Entry, answer: Answer) -> None:
        entries, extent = answer
        if extent.oldest <= newest.seq and not any(entry.is_same(newest) for entry in entries):
            logger.error("an item's log has another entry than was told, at %d", newest.seq)
            self._begin_epoch(room)

    def _rights_read(self, room: Room, users: set[int], now: RightsNow) -> None:
        for member in tuple(room.members):
            standing = member.standing
            if member.user.key not in users or standing.item_rights == now.version:
                continue
            if now.is_deleted:
                member.end("item_deleted")
                continue
            self._repaired("rights")
            member.restand(
                replace(
                    standing,
                    member_role=now.roles.get(member.user.key),
                    default_role=now.default_role,
                    item_rights=now.version,
                )
            )

    def _user_read(
        self,
        user_key: int,
        asked: Sequence[tuple[Judged, tuple[Principal, str]]],
        answer: tuple[str | None, Sequence[Standing]],
    ) -> None:
        name, standings = answer
        for (judged, (principal, _)), standing in zip(asked, standings, strict=True):
            # A credential that was renewed meanwhile was judged by itself.
            if judged.principal is principal:
                self._repaired("rights")
                judged.restand(standing)
        for guest in self._hub.guests.of(user_key):
            if name is not None and name != guest.principal.name:
                self._hub.rename(user_key, name)

    def _begin_epoch(self, room: Room) -> None:
        self._repaired("epoch")
        if room.epoch is not None:
            self._lost[room.item_key] = room.epoch
            self.begin_epochs()

    def begin_epochs(self) -> None:
        """Begin another life of each log that has lost something, until it is stored.

        The next look need not find the loss again: others store in its place, and to begin may
        fail as well, since it is wanted when a database has just failed.
        """
        for item_key, former in tuple(self._lost.items()):
            begin = partial(begin_epoch, item_key=item_key, former=former)
            with suppress(Refusal):
                self._writer.submit(Call(begin), partial(self._has_begun, item_key))

    def _has_begun(self, item_key: int, _: object, error: BaseException | None) -> None:
        if error is None:
            self._lost.pop(item_key, None)

    def _ask(
        self,
        answered: Callable[..., None],
        ended: Callable[[], None],
        read: Callable[..., object],
        *arguments: object,
    ) -> None:
        def done(answer: object, error: BaseException | None) -> None:
            ended()
            # What could not be read, the next look finds to differ once more.
            if error is None:
                answered(answer)

        try:
            self._readers.ask(done, read, *arguments)
        except Refusal:
            ended()


def _nothing() -> None:
    """Nobody waits for the end of a read."""
