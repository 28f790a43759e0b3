"""Members are told in the order of the log, in whatever order it becomes known."""

import random

import pytest

from api.history.entries import Author, Kind
from api.history.events import EntryStored
from api.history.extent import Extent
from api.live.hub import Hub
from api.live.progress import MAX_AHEAD, Progress
from api.live.room import Room
from api.rights.access import Role
from tests.live.fakes import BOB, FakeMember, entry, join

pytestmark = pytest.mark.anyio


def behind(progress: Progress) -> bool:
    return progress.is_behind


def told(progress: Progress, last: int, *seqs: int) -> list[int]:
    """What can be told once these are known."""
    parts = progress.take(last, [entry(seq) for seq in seqs])
    return [one.seq for part in parts for one in part]


def test_what_follows_is_told_at_once() -> None:
    """The first that is known is where it begins; what is known already is told once."""
    progress = Progress()
    assert told(progress, 5, 4, 5) == [4, 5]
    assert told(progress, 6, 6) == [6]
    assert told(progress, 6, 5, 6) == []
    assert told(progress, 8, 6, 7, 8) == [7, 8]
    assert not behind(progress)


def test_what_is_ahead_waits_for_what_is_before_it() -> None:
    """Its own commit may be known here before another's; the hint or a read brings that."""
    progress = Progress()
    progress.told = 10
    assert told(progress, 12, 12) == []
    assert behind(progress)
    assert told(progress, 15, 14, 15) == []
    assert told(progress, 11, 11) == [11, 12]
    assert behind(progress)
    assert told(progress, 0, 13, 14) == [13, 14, 15]
    assert not behind(progress)


def test_numbers_alone_say_that_something_has_to_be_read() -> None:
    """Before anything was told, a read will say where the log is."""
    progress = Progress()
    assert told(progress, 7) == []
    assert not behind(progress)
    progress.told = 5
    assert behind(progress)
    progress.read(6, 7)
    assert progress.stored == 6  # The hint was wrong.
    told(progress, 9)
    progress.read(8, 7)
    assert progress.stored == 9  # Known after the read was asked for.


def test_what_waits_is_bounded() -> None:
    """What does not fit is read instead."""
    progress = Progress()
    progress.told = 0
    for number in range(MAX_AHEAD + 1):
        assert told(progress, 2 + 2 * number, 2 + 2 * number) == []
    assert told(progress, 1, 1) == [1]
    assert behind(progress)


def test_any_order_ends_in_the_logs() -> None:
    """Doubled, overlapping, reordered: once each, in order."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    progress = Progress()
    progress.told = 0
    starts = [chance.randrange(1, 60) for _ in range(40)] + [*range(1, 61, 3)]
    chance.shuffle(starts)
    found = []
    for start in starts:
        seqs = range(start, start + 3)
        found += told(progress, seqs[-1], *seqs)
    assert found == list(range(1, found[-1] + 1))
    assert found[-1] >= 60


def room_of(*members: FakeMember) -> Room:
    hub = Hub(recent_entries=4, presence_grace=0, presence_interval=60)
    (room, *_) = [join(hub, 1, member) for member in members]
    return room


async def test_change_of_rights_in_the_log_is_between_its_entries() -> None:
    """Entries before a removal reach the removed, entries after it do not."""
    ada, bob = FakeMember(), FakeMember(BOB)
    room = room_of(ada, bob)
    removal = b'{"user":{"id":"u-bob","name":"Bob"},"role":null}'
    title, default = b'{"title":"New"}', b'{"default_role":"reader"}'
    entries = [
        entry(1),
        entry(2, Kind.MEMBER, body=removal),
        entry(3, Kind.ITEM, body=title),
        entry(4, Kind.ITEM, body=default),
        entry(5),
    ]
    assert not room.hear(5, entries)
    assert bob.told == [[1, 2], (None, None), [3], [4], (None, Role.READER), [5]]
    assert ada.told == [[1, 2], [3], [4], (Role.WRITER, Role.READER), [5]]


async def test_read_brings_a_room_up_to_date() -> None:
    """Once for all of its members; the rest of a long log is for another read."""
    ada = FakeMember()
    room = room_of(ada)
    room.learn_head(2)
    assert room.hear(6, [entry(6)])
    assert room.catch_up([entry(3), entry(4)], Extent(6, 1, "e"), stored=6)
    assert not room.catch_up([entry(5), entry(6)], Extent(6, 1, "e"), stored=6)
    assert ada.told == [[3, 4], [5, 6]]
    room.learn_head(9)
    assert room.progress.told == 6


async def test_room_that_retention_has_overtaken_ends_its_members() -> None:
    """What is missing is not skipped in silence: on coming back they are told."""
    ada = FakeMember()
    room = room_of(ada)
    room.learn_head(2)
    room.hear(9, [])
    assert not room.catch_up([entry(8), entry(9)], Extent(9, 8, "e"), stored=9)
    assert ada.told == ["slow_consumer", [8, 9]]


async def test_other_life_of_a_log_ends_members_and_begins_anew() -> None:
    """What they know is not there; whoever comes back says which life that was of."""
    ada = FakeMember()
    room = room_of(ada)
    room.hear(9, [entry(9)])
    room.epoch = "e1"
    room.begin_anew()
    assert ada.told == [[9], "restart"]
    assert [room.head, room.epoch, room.since(0)] == [None] * 3
    room.hear(4, [entry(4)])
    assert ada.told[-1] == [4]


class Lookout:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def opened(self, room: Room) -> None:
        self.seen.append(("opened", room.item_key))

    def closed(self, room: Room) -> None:
        self.seen.append(("closed", room.item_key))

    def behind(self, room: Room) -> None:
        self.seen.append(("behind", room.progress.told or 0))

    def moved(self, item_key: int) -> None:
        self.seen.append(("moved", item_key))

    def signalled(self, item_key: int, author: Author, name: str, body: bytes) -> None:
        self.seen.append((f"{author.name} {name} {body.decode()}", item_key))


async def test_hub_tells_its_lookout_what_is_open_and_what_has_to_be_read() -> None:
    """Of its own commits as well: others may have stored between two of them."""
    hub = Hub(recent_entries=4, presence_grace=0, presence_interval=60)
    hub.lookout = lookout = Lookout()
    ada = FakeMember()
    room = join(hub, 1, ada)
    assert hub.open_rooms() == [room]
    assert hub.room(1) is room
    assert (hub.guests.users(), hub.guests.of(1), hub.guests.of(2)) == ([1], [ada], [])
    before = hub.moment
    hub.committed([EntryStored(entry(seq)) for seq in (1, 2, 5)])
    hub.heard(1, 4, [entry(3), entry(4)])
    hub.heard(1, 7, [])
    hub.heard(2, 7, [])
    hub.rights_moved()
    assert ada.told == [[1, 2], [3, 4], [5]]
    assert (hub.moment.commits - before.commits, hub.moment.rights - before.rights) == (4, 1)
    hub.rename(1, "Ada L.")
    assert ada.user.name == "Ada L."
    hub.signal(ada, 1, "typing", b"1")
    hub.leave(1, ada)
    assert lookout.seen == [
        ("opened", 1),
        ("moved", 1),
        ("behind", 2),
        ("behind", 5),
        ("Ada L. typing 1", 1),
        ("moved", 1),
        ("moved", 1),
        ("closed", 1),
    ]
