"""What a commit means for the connections of its item, and for nobody else."""

import asyncio
from dataclasses import replace

import pytest

from api.history.entries import Author, Entry, Kind
from api.history.events import (
    CredentialsEnded,
    DefaultRoleChanged,
    EntryStored,
    ItemDeleted,
    MemberChanged,
    ReadMoved,
    UserRenamed,
)
from api.live.frames import Signal
from api.live.hub import CROWD, WRITE_SECONDS, Hub
from api.live.room import Room
from api.rights.access import Role
from tests.live.fakes import ADA, BOB, FakeMember, JumpingLoop, entry, join, run_jumping

pytestmark = pytest.mark.anyio
TYPING: Signal = {
    "type": "signal",
    "name": "typing",
    "by": {"id": ADA.id, "name": ADA.name},
    "body": True,
}


@pytest.fixture
async def hub() -> Hub:
    return Hub(recent_entries=4, presence_grace=0, presence_interval=60)


def stored(*seqs: int, item_key: int = 1) -> list[EntryStored]:
    return [EntryStored(replace(entry(seq), item_key=item_key)) for seq in seqs]


async def test_batch_delivered_once_to_each_member_of_its_item(hub: Hub) -> None:
    """The entries of a batch come together, to the room that they belong to."""
    ada, bob, other = FakeMember(), FakeMember(BOB), FakeMember()
    join(hub, 1, ada)
    join(hub, 1, bob)
    join(hub, 2, other)
    hub.committed([*stored(1), *stored(7, item_key=2), *stored(2), *stored(1, item_key=3)])
    assert ada.told == bob.told == [[1, 2]]
    assert other.told == [[7]]


async def test_entries_for_a_crowd_may_wait_as_long_as_telling_takes(hub: Hub) -> None:
    """Not those for few, nor for a room that nobody is in, nor what is no entry."""
    for number in range(CROWD):
        join(hub, 1, FakeMember(Author(number, f"u-{number}", "One of many")))
    join(hub, 2, FakeMember())
    few, many = stored(1, item_key=2), stored(1)
    assert hub.patience([*few, *many, *stored(1, item_key=3)]) == CROWD * WRITE_SECONDS
    assert hub.patience(few) == hub.patience(stored(1, item_key=3)) == hub.patience([]) == 0
    assert hub.patience([*many, MemberChanged(1, BOB.key, None)]) == 0


async def test_removal_inside_a_batch_divides_its_entries(hub: Hub) -> None:
    """Entries before a removal are delivered before it is judged, those after it later."""
    ada, bob = FakeMember(), FakeMember(BOB)
    join(hub, 1, ada)
    join(hub, 1, bob)
    hub.committed([*stored(1, 2), MemberChanged(1, BOB.key, None), *stored(3)])
    assert bob.told == [[1, 2], (None, None), [3]]
    assert ada.told == [[1, 2], [3]]


async def test_rights_changed_are_judged_by_the_part_that_changed(hub: Hub) -> None:
    """A membership concerns one user, a default role everybody; the other part stays."""
    ada, bob = FakeMember(), FakeMember(BOB)
    join(hub, 1, ada)
    join(hub, 1, bob)
    hub.committed([DefaultRoleChanged(1, Role.READER), MemberChanged(1, ADA.key, Role.ADMIN)])
    assert ada.told == [(Role.WRITER, Role.READER), (Role.ADMIN, Role.READER)]
    assert bob.told == [(Role.WRITER, Role.READER)]


async def test_item_deleted_ends_all_its_members(hub: Hub) -> None:
    """And nobody else's."""
    ada, bob, other = FakeMember(), FakeMember(BOB), FakeMember()
    join(hub, 1, ada)
    join(hub, 1, bob)
    join(hub, 2, other)
    hub.committed([ItemDeleted(1)])
    assert ada.told == bob.told == ["item_deleted"]
    assert other.told == []


async def test_credentials_ended_are_told_in_every_room_of_the_user(hub: Hub) -> None:
    """The connection says whether it is meant; other users are not asked."""
    here, there, bob = FakeMember(), FakeMember(), FakeMember(BOB)
    join(hub, 1, here)
    join(hub, 2, there)
    join(hub, 1, bob)
    there.credential = replace(there.credential, id="other")
    hub.committed([CredentialsEnded(ADA.key, ids=frozenset({"other"}))])
    assert (here.told, there.told, bob.told) == ([("ended", False)], [("ended", True)], [])
    hub.committed([CredentialsEnded(99)])


async def test_new_name_is_that_of_all_connections_and_of_who_is_here(hub: Hub) -> None:
    """In every room of the user, and of nobody else."""
    here, there, bob = FakeMember(), FakeMember(), FakeMember(BOB)
    join(hub, 1, here)
    join(hub, 2, there)
    join(hub, 1, bob)
    hub.committed([UserRenamed(ADA.key, "Countess"), UserRenamed(99, "Nobody")])
    assert [member.user.name for member in (here, there, bob)] == ["Countess", "Countess", BOB.name]
    for item_key in (1, 2):
        assert {"id": ADA.id, "name": "Countess"} in hub.presence(item_key)["users"]


async def test_read_marker_is_told_to_the_room(hub: Hub) -> None:
    """By whom, and how far."""
    bob = FakeMember(BOB)
    join(hub, 1, bob)
    hub.committed([ReadMoved(1, ADA, 12), ReadMoved(2, ADA, 13)])
    assert bob.told == [{"type": "read", "by": {"id": "u-ada", "name": "Ada"}, "seq": 12}]


async def test_member_that_fails_harms_only_itself(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    """It is ended, for it must not go on with a hole; the others get everything."""
    broken = FakeMember(fails=True)
    members = [FakeMember(BOB) for _ in range(5)]
    room = join(hub, 1, broken)
    for member in members:
        join(hub, 1, member)
    hub.committed(stored(1))
    room.tell(TYPING)
    assert broken.told == ["internal", "internal"]
    assert all(member.told == [[1], TYPING] for member in members)
    assert "a connection could not be told" in caplog.text


async def test_tell_spares_the_one_who_said_it(hub: Hub) -> None:
    """A signal goes to the others."""
    ada, bob = FakeMember(), FakeMember(BOB)
    join(hub, 1, ada)
    join(hub, 1, bob).tell(TYPING, but=ada)
    assert (ada.told, bob.told) == ([], [TYPING])


async def test_member_that_leaves_during_a_delivery_disturbs_nobody(hub: Hub) -> None:
    """A delivery may cut a slow member, which leaves at once."""

    class Leaver(FakeMember):
        def end(self, code: str, *, retry_after: float | None = None) -> None:
            hub.leave(1, self, at_once=True)

    leavers = [Leaver(fails=True) for _ in range(3)]
    bob = FakeMember(BOB)
    for member in (*leavers, bob):
        join(hub, 1, member)
    hub.committed(stored(1))
    assert bob.told == [[1]]
    assert hub.members() == [bob]


async def test_counts_follow_coming_and_going(hub: Hub) -> None:
    """Rooms, connections, and those of a user; a room ends with its last user."""
    ada, again, bob = FakeMember(), FakeMember(), FakeMember(BOB)
    join(hub, 1, ada)
    join(hub, 2, again)
    join(hub, 2, bob)
    guests = hub.guests
    assert (hub.rooms, len(guests), guests.count_of(ADA.key)) == (2, 3, 2)
    assert set(guests) == {ada, again, bob}
    assert hub.presence(2)["count"] == 2
    hub.leave(1, ada)
    hub.leave(2, again)
    guests.leave(ada)
    guests.leave(again)
    assert (hub.rooms, len(guests), guests.count_of(ADA.key)) == (1, 1, 0)
    assert hub.presence(1) == {"count": 0, "users": []}
    hub.leave(2, bob)
    guests.leave(bob)
    assert hub.rooms == len(guests) == len(guests.users()) == 0


def test_presence_is_told_and_ends_with_the_hub() -> None:
    """Those in a room hear who came; after `close` no timer is left, and late leaves are fine."""

    async def act(loop: JumpingLoop) -> None:
        hub = Hub(recent_entries=4, presence_grace=3, presence_interval=0.2)
        ada, bob = FakeMember(), FakeMember(BOB)
        join(hub, 1, ada)
        await asyncio.sleep(1)
        join(hub, 1, bob)
        await asyncio.sleep(1)
        assert [told["join"][0]["name"] for told in ada.told] == ["Ada", "Bob"]
        hub.leave(1, bob)
        hub.close()
        assert loop.timers == []
        hub.leave(1, ada)

    run_jumping(act)


def filled(room: Room, *seqs: int) -> Room:
    room.store([entry(seq) for seq in seqs])
    return room


def since(room: Room, seq: int) -> list[Entry]:
    entries = room.since(seq)
    assert entries is not None
    return entries


@pytest.fixture
async def room(hub: Hub) -> Room:
    return join(hub, 1, FakeMember())


async def test_memory_answers_only_what_it_surely_knows(room: Room) -> None:
    """None means that the database must be asked: an empty list would be a hole."""
    assert room.since(0) is None
    room.learn_head(5)
    assert (room.since(5), room.since(6), room.since(4)) == ([], [], None)
    filled(room, 6, 7, 8, 9, 10)
    assert room.since(5) is None
    assert [kept.seq for kept in since(room, 6)] == [7, 8, 9, 10]
    assert room.since(10) == []
    assert room.head == 10


async def test_head_never_moves_back(room: Room) -> None:
    """A read may know of a commit before the news of it arrives, in several batches."""
    room.learn_head(3)
    filled(room, 1, 2)
    assert room.head == 3
    room.learn_head(1)
    assert room.head == 3
    assert room.since(2) == []


async def test_memory_is_not_asked_for_what_may_have_been_deleted_elsewhere(room: Room) -> None:
    """Another server has stored what was not told here: it may be the end of what was."""
    filled(room, 1, 2)
    assert room.since(0, known=3) is None
    filled(room, 3)
    assert [kept.seq for kept in room.since(0, known=3) or ()] == [1, 2, 3]


async def test_memory_shows_an_edited_message_as_it_stands(room: Room) -> None:
    """Like the row on disk: the present body, and which entry changed it."""
    live = entry(1)
    room.store([live])
    room.store([entry(2), entry(3, Kind.EDIT, target=1, body=b'"new"')])
    room.store([entry(4, Kind.REACTION, target=1, body=b'{"value":"+","on":true}')])
    message, _, edit, reaction = since(room, 0)
    assert (message.body, message.edited_seq, edit.body) == (b'"new"', 3, b'"new"')
    assert reaction.target == 1
    assert (live.body, live.edited_seq) == (b'"1"', None), "what was sent live is unchanged"


async def test_memory_keeps_nothing_of_a_deleted_message(room: Room) -> None:
    """Whoever joins after a deletion must not be given the body, nor what it was edited to."""
    original = entry(1)
    original.forms["itemroom.v1.json"] = "made before"
    room.store([original, entry(2, Kind.EDIT, target=1), entry(3)])
    room.store([entry(4, Kind.DELETE, target=1, body=None)])
    message, edit, other, _ = since(room, 0)
    assert (message.body, message.deleted_seq, message.forms) == (None, 4, {})
    assert (edit.body, edit.deleted_seq) == (None, 4)
    assert (other.body, other.deleted_seq) == (b'"3"', None)
