"""What nodes know of each other, with a broker that does as it should, or anything else."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial

import pytest

from api.accounts.keys import KeyRequest, create_key, find_key, revoke_key
from api.accounts.users import rename_user
from api.errors import Refusal
from api.history.entries import Author
from api.history.events import (
    CredentialsEnded,
    DefaultRoleChanged,
    EntryStored,
    ItemDeleted,
    ReadMoved,
)
from api.history.messages import author_of
from api.history.transaction import Transaction
from api.items.members import remove_member, set_member
from api.live import frames
from api.models import Item, User
from api.nodes import reconcile
from api.nodes.hints import EntriesStored, MarkerMoved, PresenceChanged, RightsChanged
from api.nodes.reads import ItemMoved, read_rights
from api.operators.backend import disconnect_user
from api.rights.access import Role
from tests.deadlines import scaled
from tests.live.fakes import FakeMember, entry
from tests.nodes.fakes import Ether, losing, until
from tests.nodes.world import World, codes, seqs, two_nodes
from tests.programs.postgresql import Cluster

pytestmark = pytest.mark.anyio


@pytest.fixture
def ether() -> Ether:
    return Ether()


@pytest.fixture
async def world(cluster: Cluster, ether: Ether) -> AsyncIterator[World]:
    async with two_nodes(cluster, ether) as world:
        yield world


async def test_entries_come_with_hints(world: World) -> None:
    """From either node to both, without a read; markers, too."""
    left, right = world.one.sit(world.ada, 0), world.two.sit(world.bob, 0)
    await world.heard()
    await world.one.publish(world.ada)
    await world.two.publish(world.bob)
    await world.one.writer.call(
        lambda write: write.emit(ReadMoved(world.key, author_of(world.bob.principal), 2))
    )
    await until(lambda: seqs(left) == seqs(right) == [1, 2])
    marker = frames.read(author_of(world.bob.principal), 2)
    await until(lambda: marker in right.told)
    assert world.two.repairs == []


async def test_entries_are_read_where_no_hint_came(world: World, ether: Ether) -> None:
    """One read for the room: page by page, in order, with those that were stored here."""
    ether.faults = losing(EntriesStored)
    left, right = world.one.sit(world.ada, 0), world.two.sit(world.bob, 0)
    await until(lambda: world.two.broker.is_confirmed(world.key))
    for _ in range(9):
        await world.one.publish(world.ada)
    await world.two.publish(world.bob)
    await until(lambda: seqs(right) == list(range(1, 11)))
    assert seqs(left) == list(range(1, 10))
    while seqs(left) != list(range(1, 11)):
        await world.one.look()
    assert set(world.one.repairs) == {"entries"}


async def test_hint_that_overtakes_a_read_leaves_no_hole_behind(world: World, ether: Ether) -> None:
    """Nothing is told twice, and what is missing by then is read at once."""
    bob = world.two.sit(world.bob, 0)
    await world.heard()
    room = world.two.hub.room(world.key)
    assert room is not None
    ether.faults = losing(EntriesStored)
    for _ in range(2):
        await world.one.publish(world.ada)
    stored = [one.entry for one in world.one.events if isinstance(one, EntryStored)]
    # In one turn: what the read was asked for is here before its answer, and 3 is missing.
    world.two.watch.entries_stored(EntriesStored(world.key, 2, 2))
    world.two.watch.entries_stored(EntriesStored(world.key, 1, 2, tuple(stored)))
    world.two.watch.entries_stored(EntriesStored(world.key, 3, 3))
    assert room.progress.is_behind
    await until(lambda: not room.progress.is_behind)
    assert seqs(bob) == [1, 2]


async def test_any_broker_ends_in_the_order_of_the_log(world: World, ether: Ether) -> None:
    """It drops, doubles and turns round, while both nodes store."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    beats = losing(EntriesStored, RightsChanged, MarkerMoved, PresenceChanged)

    def faults(hints: list[bytes]) -> list[bytes]:
        kept = [hint for hint in hints for _ in range(chance.choice((0, 1, 1, 2)))]
        chance.shuffle(kept)
        return kept + [beat for beat in beats(hints) if beat not in kept]

    left, right = world.one.sit(world.ada, 0), world.two.sit(world.bob, 0)
    await world.heard()
    ether.faults = faults
    for _ in range(15):
        await asyncio.gather(
            *(world.one.publish(world.ada) for _ in range(chance.randrange(3))),
            *(world.two.publish(world.bob) for _ in range(chance.randrange(3))),
        )
    ether.faults = list
    await world.one.look()
    await world.two.look()
    head = (await world.one.publish(world.ada)).seq
    await until(lambda: seqs(left) == seqs(right) == list(range(1, head + 1)))


async def test_removal_is_between_the_entries_before_and_after_it(world: World) -> None:
    """On another node as on its own; a role that changes likewise."""
    bob = world.two.sit(world.bob, 0)
    ada = world.one.sit(world.ada, 0)
    await world.heard()
    await world.one.publish(world.ada)
    await world.one.writer.call(lambda write: set_member(write, world.ada, "bob", Role.READER))
    await world.one.writer.call(lambda write: remove_member(write, world.ada, "bob"))
    await world.one.publish(world.ada)
    await until(lambda: seqs(bob) == [1, 2, 3, 4])
    told = [one for one in bob.told if isinstance(one, list | tuple)]
    assert told[:5] == [[1], [2], (Role.READER, None), [3], (None, None)]
    await until(lambda: seqs(ada) == [1, 2, 3, 4])


@pytest.mark.parametrize("is_heard", [True, False], ids=["hint", "no-hint"])
async def test_rights_are_judged_by_what_the_database_says(
    world: World, ether: Ether, *, is_heard: bool
) -> None:
    """Of an item and of a user; what is not judged by them stays as it is."""
    bob, ada = world.two.sit(world.bob, 0), world.two.sit(world.ada, 0)
    await world.heard()
    if not is_heard:
        ether.faults = losing(RightsChanged)
    await world.one.writer.call(lambda write: open_to_all(write, world.key))
    await seen(world, lambda: bob.standing.default_role is Role.READER)
    assert bob.standing.member_role is Role.WRITER
    key = world.bob.principal.user_key
    await world.one.writer.call(lambda write: end_tokens(write, key))
    await seen(world, lambda: bob.standing.credential_ended)
    assert not ada.standing.credential_ended
    ada_key = world.ada.principal.user_key
    await world.one.writer.call(lambda write: rename_user(write, user_key=ada_key, name="Ada L."))
    await seen(world, lambda: ada.user.name == "Ada L.")
    await world.one.writer.call(lambda write: delete(write, world.key))
    await seen(world, lambda: "item_deleted" in codes(ada))


@pytest.mark.parametrize("is_heard", [True, False], ids=["hint", "no-hint"])
async def test_key_that_ends_elsewhere_ends_whom_it_acts_for(
    world: World, ether: Ether, *, is_heard: bool
) -> None:
    """By the version of the rights of its own user: theirs has not moved."""
    wish = KeyRequest("shop", {"i-*": Role.WRITER}, acts_for_others=True)
    await world.one.writer.call(partial(create_key, wish=wish, secret="irk_x"))
    principal = await world.one.readers.read(find_key, "irk_x", "bob")
    access = await world.one.access(principal, "i-1")
    by_key, bob = world.two.sit(access, 0), world.two.sit(world.bob, 0)
    await world.two.look()
    assert world.two.repairs.count("rights") == 0
    await world.heard()
    if not is_heard:
        ether.faults = losing(RightsChanged)
    await world.one.writer.call(partial(revoke_key, name="shop"))
    await seen(world, lambda: by_key.standing.credential_ended)
    assert not bob.standing.credential_ended
    for member in (by_key, bob):
        world.two.hub.leave(access.item_key, member)
        world.two.hub.guests.leave(member)
    assert world.two.hub.guests.users() == []


@pytest.mark.parametrize("is_heard", [True, False], ids=["hint", "no-hint"])
async def test_user_who_is_disconnected_elsewhere_is_known_to_be(
    world: World, ether: Ether, *, is_heard: bool
) -> None:
    """By what they are judged by; nobody else is."""
    bob, ada = world.two.sit(world.bob, 0), world.two.sit(world.ada, 0)
    await world.heard()
    if not is_heard:
        ether.faults = losing(RightsChanged)
    await world.one.writer.call(partial(disconnect_user, username="bob"))
    await seen(world, lambda: bob.standing.disconnects == 1)
    assert (bob.standing.credential_ended, ada.standing.disconnects) == (False, 0)


async def told_three(world: World) -> FakeMember:
    """Somebody who has been told three entries, in the first life of the log."""
    bob = world.two.sit(world.bob, 0)
    await world.heard()
    for _ in range(3):
        await world.one.publish(world.ada)
    await until(lambda: seqs(bob) == [1, 2, 3])
    room = world.two.hub.room(world.key)
    assert room is not None
    room.epoch = "e1"
    await world.two.look()
    return bob


async def test_epoch_is_new_when_a_log_has_lost_its_end(world: World, cluster: Cluster) -> None:
    """A failover took what was told already: members come back, and are told so."""
    bob = await told_three(world)
    cluster.run("UPDATE item SET head = 2", world.url)
    while not codes(bob):
        await world.two.look()
    assert set(codes(bob)) == {"restart"}
    assert cluster.run("SELECT epoch FROM item", world.url) != [("e1",)]
    assert "epoch" in world.two.repairs


@pytest.mark.parametrize("is_asked", [False, True], ids=["not-taken", "not-stored"])
async def test_loss_is_remembered_until_another_epoch_has_begun(
    world: World, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, *, is_asked: bool
) -> None:
    """A database that has just failed fails once more, and others store in place of what went."""
    bob = await told_three(world)
    failed: list[object] = []

    def fail(_command: object, done: Callable[[object, BaseException | None], None]) -> None:
        failed.append(done)
        if not is_asked:
            raise Refusal("busy")
        done(None, Refusal("storage_error"))

    with monkeypatch.context() as failing:
        failing.setattr(world.two.writer, "submit", fail)
        cluster.run("UPDATE item SET head = 2", world.url)
        while not failed:
            await world.two.look()
        cluster.run("UPDATE item SET head = 3", world.url)
    assert codes(bob) == []
    while not codes(bob):
        await world.two.look()
    assert set(codes(bob)) == {"restart"}
    assert cluster.run("SELECT epoch FROM item", world.url) != [("e1",)]


async def test_life_is_known_before_the_first_look(world: World) -> None:
    """Else what changed the database in the first two seconds would not be seen to be a change."""
    assert world.two.reconciler.looked_at
    async with asyncio.timeout(scaled(5)):
        while not world.two.lives_read:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("change", ["at = at + 1", "ref = 'other'", "kind = 'edit'"])
async def test_epoch_is_new_when_others_have_stored_in_place_of_what_was_lost(
    world: World, cluster: Cluster, change: str
) -> None:
    """The head is where it was: what shows it is the database's other life."""
    bob = await told_three(world)
    cluster.run(f"UPDATE entry SET {change} WHERE seq = 3", world.url)
    await world.two.look()
    assert codes(bob) == []
    world.two.life = "2"
    while not codes(bob):
        await world.two.look()
    assert set(codes(bob)) == {"restart"}
    assert "epoch" in world.two.repairs
    assert cluster.run("SELECT epoch FROM item", world.url) != [("e1",)]


async def test_epoch_is_the_same_when_a_copy_lacked_nothing(world: World, cluster: Cluster) -> None:
    """A message that was edited meanwhile is still that message; what is not kept is not missed."""
    bob = await told_three(world)
    epoch = cluster.run("SELECT epoch FROM item", world.url)
    cluster.run("UPDATE entry SET body = '1', edited_seq = 3 WHERE seq = 3", world.url)
    world.two.life = "2"
    await world.two.look()
    cluster.run("DELETE FROM entry; UPDATE item SET oldest = 4", world.url)
    world.two.life = "3"
    await world.two.look()
    assert (codes(bob), world.two.repairs) == ([], [])
    assert cluster.run("SELECT epoch FROM item", world.url) == epoch


async def test_life_that_cannot_be_read_is_no_other_one(world: World) -> None:
    """As of a service that does not say; nor is there anything to compare in a new room."""
    bob = world.two.sit(world.bob, 0)
    await world.heard()
    known, world.two.life = world.two.life, None
    await world.two.look()
    world.two.life = known
    await world.two.look()
    world.two.life = "2"
    await world.two.look()
    assert (codes(bob), world.two.repairs) == ([], [])


async def test_entries_of_hints_are_not_told_without_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It alone knows who was removed; for ten seconds of that, nobody is kept waiting."""
    bob = world.two.sit(world.bob, 0)
    await world.heard()
    monkeypatch.setattr(reconcile, "INTERVAL", 0.02)
    world.two.reconciler.looked_at -= 5
    world.two.reconciler.doubt()
    assert not world.two.watch.trusts_bodies
    monkeypatch.setattr(world.two.watch, "behind", lambda _: None)
    world.two.watch.entries_stored(EntriesStored(world.key, 1, 1, (entry(1),)))
    assert bob.told == []
    world.two.reconciler.looked_at -= 5
    world.two.reconciler.doubt()
    assert codes(bob) == ["database_unavailable"]


async def test_reads_that_are_refused_are_left_to_the_next_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for them, and nothing is given up."""
    bob = world.two.sit(world.bob, 0)
    await world.heard()
    with monkeypatch.context() as full:
        full.setattr(world.two.readers, "_most", 0)
        await world.one.publish(world.ada)
        world.two.watch.entries_stored(EntriesStored(world.key, 2, 2))
        world.two.reconciler.gap()
        await asyncio.sleep(0.02)
    while seqs(bob) != [1]:
        await world.two.look()


async def test_hints_that_are_wrong_change_nothing(world: World) -> None:
    """Of what is not open, not there, or not so."""
    bob = world.two.sit(world.bob, 0)
    await world.heard()
    watch = world.two.watch
    watch.marker_moved(MarkerMoved(99, Author(1, "u", "U"), 1))
    watch.rights_changed(RightsChanged(99))
    watch.rights_changed(RightsChanged(user_key=99))
    watch.rights_changed(RightsChanged())
    watch.item_moved(ItemMoved(99, 1, 1, "e"), 0)
    watch.item_moved(ItemMoved(world.key, -1, 0, "e1"), 0)  # Nobody has begun: of no known life.
    watch.entries_stored(EntriesStored(world.key, 5, 5))
    watch.entries_stored(EntriesStored(world.key, 6, 6))
    world.two.hub.join(99, FakeMember())
    watch.rights_changed(RightsChanged(99))
    await world.two.settled()
    await world.one.publish(world.ada)
    await until(lambda: seqs(bob) == [1])
    with pytest.raises(Refusal):
        await world.two.readers.read(read_rights, 99, [])


async def test_answers_that_changes_have_overtaken_are_asked_for_again(world: World) -> None:
    """And what was renewed meanwhile was judged by itself."""
    bob, ada = world.two.sit(world.bob, 0), world.two.sit(world.ada, 0)
    await world.heard()
    world.two.watch.judge_user(bob.user.key)
    world.two.watch.judge_user(ada.user.key)
    world.two.hub.rights_moved()
    ada.principal = replace(ada.principal)
    await until(lambda: bob.told)
    assert [one.credential_ended for one in bob.told] == [False]
    await until(lambda: len(ada.told) == 1)  # Asked for again, of the newer one.
    world.two.watch.judge_user(ada.user.key)
    ada.principal = replace(ada.principal)
    await world.two.settled()
    assert len(ada.told) == 1


async def test_nobody_is_told_of_what_is_closed(world: World) -> None:
    """The last one to go takes the subscription along."""
    bob = world.two.sit(world.bob, 0)
    await world.heard()
    world.two.hub.leave(world.key, bob)
    assert not world.two.broker.is_confirmed(world.key)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "INTERVAL", 0.05)


async def test_everything_is_looked_at_again_and_again(
    quick: None, world: World, ether: Ether
) -> None:
    """With nobody to say that there is something; a look that hangs is waited for."""
    ether.faults = losing(EntriesStored)
    bob = world.two.sit(world.bob, 0)
    await world.heard()
    await world.one.publish(world.ada)
    await until(lambda: seqs(bob) == [1])
    hangs = threading.Event()
    for _ in range(2):  # In turns of their own, or one thread would take both.
        world.two.readers.ask(lambda *_: None, lambda _: hangs.wait())
        await asyncio.sleep(0)
    await world.one.publish(world.ada)
    await asyncio.sleep(0.2)
    hangs.set()
    await until(lambda: seqs(bob) == [1, 2])


async def seen(world: World, condition: object) -> None:
    assert callable(condition)
    while not condition():
        await world.two.look()


def open_to_all(transaction: Transaction, item_key: int) -> None:
    with transaction.session() as session:
        session.get_one(Item, item_key).default_role = Role.READER.value
    transaction.emit(DefaultRoleChanged(item_key, Role.READER))


def end_tokens(transaction: Transaction, user_key: int) -> None:
    with transaction.session() as session:
        session.get_one(User, user_key).tokens_from = 2
    transaction.emit(CredentialsEnded(user_key))


def delete(transaction: Transaction, item_key: int) -> None:
    with transaction.session() as session:
        session.get_one(Item, item_key).deleted_at = 1
    transaction.emit(ItemDeleted(item_key))
