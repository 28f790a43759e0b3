"""A connection from its welcome to its end, and every way in which its rights may change."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from api.history.events import CredentialsEnded, DefaultRoleChanged
from api.history.reader import read_entries
from api.history.transaction import Transaction
from api.items.access import Credential, Principal, Role, clock_ms
from api.rooms.connection import Connection
from api.rooms.opening import Wish
from tests.rooms.world import FROM_START, NEWEST, Talker, World, settled, until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("wish", "after", "recovered"),
    [
        (Wish(None, None, 0), 8, True),
        (Wish(None, None, 3), 5, True),
        (Wish(0, None, 0), 0, True),
        (Wish(6, "e1", 0), 6, True),
        (Wish(8, "e1", 0), 8, True),
        (Wish(9, "e1", 2), 6, False),
        (Wish(6, "other", 2), 6, False),
    ],
)
@pytest.mark.parametrize("world", [{"page_max": 3}], indirect=True)
async def test_order_is_welcome_replay_live_entries(
    world: World,
    wish: Wish,
    after: int,
    recovered: bool,  # noqa: FBT001 - a parameter's value
) -> None:
    """Wherever a client begins; between the last replayed and the first live entry is nothing."""
    await world.fill(8)
    talker = await world.live("bob", wish)
    await world.fill(1)
    assert await talker.hears_entries(9) == list(range(after + 1, 10))
    welcome = talker.socket.said[0]
    assert (welcome["after"], welcome["recovered"], welcome["head"]) == (after, recovered, 8)
    replay = 8 - after
    shown = [type_ for type_ in talker.types if type_ != "presence"]
    assert shown == ["welcome", *["message"] * replay, "live", "message"]
    assert (await talker.hears("live"))["seq"] == 8


async def test_room_with_others_replays_from_memory(world: World) -> None:
    """Whoever comes second needs no page of the log; edits and deletions are as they stand."""
    ada = await world.live("ada")
    for number in range(3):
        ada.publishes(str(number), f"p{number}")
    ada.says("edit", target=1, body="new", ref="e")
    ada.says("delete", target=2, ref="d")
    await ada.hears_entries(5)
    bob = await world.live("bob", FROM_START)
    first, second, *_ = bob.socket.said_of("message")
    assert (first["body"], first["edited_seq"]) == ("new", 4)
    assert second["deleted_seq"] == 5
    assert "body" not in second
    assert bob.socket.seqs == [1, 2, 3, 4, 5]
    eve = await world.live("eve", Wish(1, "other", 5))
    assert eve.socket.said_of("message", "edit", "delete") == bob.socket.said_of(
        "message", "edit", "delete"
    )


async def test_answers_before_the_welcome_wait_for_it(world: World) -> None:
    """Nothing comes before the welcome, however early a client speaks."""
    access = await world.access(world.people["ada"], "doc")
    ada = Talker(world, access)
    world.held.hold = "start"
    ada.connection.open(NEWEST)
    ada.says("ping")
    ada.publishes("early", "r")
    ada.sends(b"{")
    await world.on_disk(1)
    await until(lambda: len(ada.connection._early) == 3)
    assert ada.socket.frames == []
    world.held.release()
    await ada.hears("live")
    assert ada.types[:4] == ["welcome", "pong", "error", "ack"]
    assert ada.socket.said[1]["head"] in {0, 1}


async def test_flood_before_the_welcome_is_cut(world: World) -> None:
    """What waits for the welcome is bounded too."""
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "start"
    ada = Talker(world, access, commands_in_flight=20)
    ada.connection.open(NEWEST)
    for _ in range(21):
        ada.says("ping")
    assert (await ada.is_closed())["reason"] == "slow_consumer"
    assert ada.types == ["closing"]
    world.held.release()


async def test_answers_that_are_not_read_are_bounded(world: World) -> None:
    """A client that asks and does not read is cut; one that drains in between is not."""
    ada = await world.live(commands_in_flight=20)
    for _ in range(5):
        ada.socket.is_full = True
        for _ in range(20):
            ada.says("ping")
        ada.socket.is_full = False
        ada.connection.drained()
    assert len(ada.socket.said_of("pong")) == 100
    ada.socket.is_full = True
    for _ in range(99):
        ada.says("ping")
    assert (await ada.is_closed())["reason"] == "slow_consumer"
    assert len(ada.socket.said_of("pong")) == 121


class HastyConnection(Connection):
    """Wrong: takes what it read for what is true now."""

    def _read_rights(self, done: Callable[[Any], None], read: Any, *arguments: object) -> None:
        self._read(done, read, *arguments)


@pytest.mark.parametrize(
    ("make", "role"),
    [(Connection, "reader"), pytest.param(HastyConnection, "writer", id="negative control")],
)
async def test_demotion_during_the_opening_read_counts(
    world: World, make: type[Connection], role: str
) -> None:
    """The read is repeated: the welcome never says more than the rights of that moment."""
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "answer"
    ada = Talker(world, access, make=make)
    ada.connection.open(NEWEST)
    await world.writer.call(world.set_role("ada", Role.READER))
    world.held.release()
    await ada.hears("live")
    assert ada.socket.said[0]["you"]["role"] == role
    assert ada.connection.access.role == role


async def test_removal_during_the_opening_read_ends_without_a_welcome(world: World) -> None:
    """Nothing of the item is shown."""
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "answer"
    ada = Talker(world, access)
    ada.connection.open(FROM_START)
    await world.writer.call(world.set_role("ada", None))
    world.held.release()
    assert (await ada.is_closed())["reason"] == "item_not_found"
    assert ada.types == ["closing"]


async def test_removal_between_admission_and_opening_ends_without_a_welcome(world: World) -> None:
    """What was judged at the door is judged again inside."""
    access = await world.access(world.people["ada"], "doc")
    await world.writer.call(world.set_role("ada", None))
    ada = Talker(world, access)
    ada.connection.open(FROM_START)
    assert (await ada.is_closed())["reason"] == "item_not_found"
    assert ada.types == ["closing"]


async def test_removal_inside_a_batch_divides_what_is_seen(world: World) -> None:
    """The entries before it and itself are delivered, those after it are not."""

    def act(tx: Transaction) -> None:
        world.say("bob", "before")(tx)
        world.set_role("ada", None)(tx)
        world.say("bob", "after")(tx)

    ada, bob = await world.live("ada"), await world.live("bob")
    await world.writer.call(act)
    closing = await ada.is_closed()
    assert (closing["code"], closing["reason"], closing["retry"]) == (1008, "removed", "never")
    assert ada.socket.seqs == [1, 2]
    assert await bob.hears_entries(3) == [1, 2, 3]
    await until(lambda: bob.moves("leave") == {"Ada"})


class TrustingConnection(Connection):
    """Wrong: believes that the news of a removal comes before anybody reads beyond it."""

    def _read_page(self, after: int, page_read: Callable[[Any], None]) -> None:
        size = self.settings.page_max
        self._read(page_read, read_entries, self.access.item_key, after, size)


@pytest.mark.parametrize(
    ("make", "seqs"),
    [
        (Connection, []),
        pytest.param(TrustingConnection, [1, 2, 3, 4, 5], id="negative control"),
    ],
)
async def test_removal_on_disk_but_not_yet_heard_of_ends_a_replay(
    world: World, make: type[Connection], seqs: list[int]
) -> None:
    """A page is read with the rights of the same moment: no entry after the removal is shown."""
    await world.fill(3)
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "start"
    ada = Talker(world, access, make=make)
    ada.connection.open(FROM_START)
    world.held.release(go_on=False)
    await ada.hears("welcome")
    world.news.hold = True
    world.send_off(world.set_role("ada", None))
    world.send_off(world.say("bob", "secret"))
    await world.on_disk(5)
    world.held.release()
    await until(lambda: ada.socket.closed or ada.socket.seqs)
    assert ada.socket.seqs == seqs
    world.news.release()
    await ada.is_closed()


async def test_commit_on_disk_but_not_yet_heard_of_is_given_once(world: World) -> None:
    """A replay may read an entry before its news; the news must not bring it again."""
    world.news.hold = True
    world.send_off(world.say("bob", "one"))
    world.send_off(world.say("bob", "two"))
    await world.on_disk(2)
    ada, eve = await world.live("ada", FROM_START), await world.live("eve")
    world.send_off(world.say("bob", "three"))
    await world.on_disk(3)
    world.news.release()
    assert await ada.hears_entries(3) == [1, 2, 3]
    assert await eve.hears_entries(3) == [3]


async def test_demotion_is_told_and_judges_the_next_command(world: World) -> None:
    """The transaction refuses a publish even before the event loop has heard of the demotion."""
    ada = await world.live("ada")
    world.news.hold = True
    world.send_off(world.set_role("ada", Role.READER))
    ada.publishes("too late", "r1")
    world.news.release()
    assert (await ada.hears("role"))["role"] == "reader"
    assert (await ada.answer("r1"))["code"] == "forbidden"
    ada.publishes("still too late", "r2")
    assert (await ada.answer("r2"))["code"] == "forbidden"
    await world.writer.call(world.set_role("ada", Role.ADMIN))
    assert (await ada.hears("role", count=2))["role"] == "admin"
    ada.publishes("again", "r3")
    assert (await ada.answer("r3"))["type"] == "ack"


async def test_change_that_changes_nothing_is_not_told(world: World) -> None:
    """A default role below one's own, or the same role again."""
    ada, eve = await world.live("ada"), await world.live("eve")

    def act(tx: Transaction) -> None:
        tx.emit(DefaultRoleChanged(world.key, Role.WRITER))
        world.set_role("ada", Role.WRITER)(tx)

    await world.writer.call(act)
    assert (await eve.hears("role"))["role"] == "writer"
    assert ada.socket.said_of("role") == []


async def test_item_deleted_ends_everybody(world: World) -> None:
    """Also one whose replay is still being read."""
    await world.fill(2)
    ada, access = await world.live("ada"), await world.access(world.people["bob"], "doc")
    bob = Talker(world, access)
    world.held.hold = "start"
    bob.connection.open(FROM_START)
    await world.writer.call(world.delete_item)
    for talker in (ada, bob):
        assert (await talker.is_closed())["reason"] == "item_deleted"
    world.held.release()
    await settled(world)
    assert bob.types == ["closing"]


async def test_item_deleted_before_its_news_ends_a_replay(world: World) -> None:
    """A read that finds no item any more refuses what it was asked for."""
    access = await world.access(world.people["bob"], "doc")
    world.news.hold = True
    world.send_off(world.say("ada", "last"))
    world.send_off(world.delete_item)
    await world.on_disk(1)
    world.send_off(lambda _: None)
    bob = Talker(world, access)
    deleted = "SELECT 1 FROM item WHERE deleted_at = 1"
    while not await world.rows(deleted):
        await asyncio.sleep(0.001)
    bob.connection.open(FROM_START)
    assert (await bob.is_closed())["reason"] == "item_not_found"


def ending(principal: Principal, seconds: float, name: str = "short") -> Principal:
    expires = clock_ms() + round(seconds * 1000)
    return replace(principal, credential=Credential("access", name, 1, expires))


async def test_credential_ends_on_time_after_a_notice(world: World) -> None:
    """`expiring` comes its notice before, `auth_expired` at the moment itself."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    principal = ending(world.people["ada"], 1.2)
    ada = await world.live(principal=principal, expiry_notice=0.6)
    assert ada.socket.said[0]["expires_at"] is not None
    assert (await ada.hears("expiring"))["in"] == 1
    assert 0.55 <= loop.time() - began < 1.1
    closing = await ada.is_closed()
    assert (closing["reason"], closing["retry"]) == ("auth_expired", "after_auth")
    assert 1.15 <= loop.time() - began < 1.7


@pytest.mark.parametrize(("notice", "said"), [(30.0, 1), (0.0, 0)])
async def test_notice_longer_than_what_is_left_comes_at_once(
    world: World, notice: float, said: int
) -> None:
    """After the welcome; without a notice there is none."""
    ada = await world.live(principal=ending(world.people["ada"], 0.4), expiry_notice=notice)
    assert ada.types[0] == "welcome"
    assert (await ada.is_closed())["reason"] == "auth_expired"
    assert len(ada.socket.said_of("expiring")) == said


async def test_end_cancels_the_expiry(world: World) -> None:
    """Nobody is told of an expiry after the end."""
    ada = await world.live(principal=ending(world.people["ada"], 0.2), expiry_notice=0.1)
    ada.connection.end("restart", retry_after=1.5)
    assert (await ada.is_closed())["retry_after"] == 1.5
    await asyncio.sleep(0.3)
    assert ada.types[-1] == "closing"


async def test_credentials_ended_close_those_who_use_them(world: World) -> None:
    """One credential of a user ends; a connection under another one stays."""
    other = replace(world.people["ada"], credential=Credential("access", "other", 1, None))
    ended = await world.live("ada")
    stays = await world.live("ada", principal=other)
    event = CredentialsEnded(other.user_key, lambda credential: credential.id != "other")
    await world.writer.call(lambda tx: tx.emit(event))
    closing = await ended.is_closed()
    assert (closing["code"], closing["reason"], closing["retry"]) == (1008, "auth_revoked", "never")
    assert stays.connection.room is not None


def session(world: World, name: str) -> Principal:
    return replace(world.people["ada"], credential=Credential("session", name, 1, None))


def open_session(world: World, name: str) -> Callable[[Transaction], None]:
    def act(tx: Transaction) -> None:
        sql = "INSERT INTO session VALUES (?, ?, ?, NULL, 0, 0)"
        tx.connection.exec_driver_sql(sql, (name, name, world.people["ada"].user_key))

    return act


def end_session(world: World, name: str) -> Callable[[Transaction], None]:
    def act(tx: Transaction) -> None:
        tx.connection.exec_driver_sql("DELETE FROM session WHERE id = ?", (name,))
        key = world.people["ada"].user_key
        tx.emit(CredentialsEnded(key, lambda credential: credential.id == name))

    return act


@pytest.mark.parametrize(
    ("make", "renewed"),
    [(Connection, False), pytest.param(HastyConnection, True, id="negative control")],
)
async def test_credential_that_ends_while_it_is_taken_on_is_refused(
    world: World,
    make: type[Connection],
    renewed: bool,  # noqa: FBT001 - a parameter's value
) -> None:
    """A renewal must not outlive the revocation that it raced with."""
    await world.writer.call(open_session(world, "s1"))
    ada = await world.live("ada", make=make, tokens={"t": session(world, "s1")})
    world.held.hold = "answer"
    ada.says("auth", token="t")
    await until(lambda: world.held.held)
    await world.writer.call(end_session(world, "s1"))
    world.held.release()
    answer = await ada.hears("auth", "error")
    assert (answer["type"] == "auth") == renewed
    if not renewed:
        assert answer["code"] == "auth_revoked"
        assert ada.connection.credential.id == "jti-ada"


async def test_demotion_during_a_renewal_counts(world: World) -> None:
    """The older answer of the database does not give the role back."""
    ada = await world.live("ada", tokens={"t": world.people["ada"]})
    world.held.hold = "answer"
    ada.says("auth", token="t")
    await until(lambda: world.held.held)
    await world.writer.call(world.set_role("ada", Role.READER))
    world.held.release()
    await ada.hears("auth")
    assert ada.connection.access.role is Role.READER
    assert len(ada.socket.said_of("role")) == 1


@pytest.mark.parametrize("world", [{"reader_queue": 1}], indirect=True)
async def test_readers_with_too_much_to_do_say_overloaded(world: World) -> None:
    """Before the welcome as after it, with a time to come back."""
    access = await world.access(world.people["ada"], "doc")
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()
    busy = world.readers.submit(
        lambda _: asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()
    )
    ada = Talker(world, access)
    ada.connection.open(NEWEST)
    closing = await ada.is_closed()
    assert (closing["code"], closing["reason"], closing["retry_after"]) == (1013, "overloaded", 1)
    gate.set()
    await asyncio.wrap_future(busy)


async def test_log_that_cannot_be_read_ends_with_a_code(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told when to come back, the operator why."""
    access = await world.access(world.people["ada"], "doc")
    world.held.failure = OSError("disk on fire")
    ada = Talker(world, access)
    ada.connection.open(NEWEST)
    assert (await ada.is_closed())["reason"] == "database_unavailable"
    assert "disk on fire" in caplog.text
    world.held.failure = None


async def test_slow_client_is_behind_and_hears_no_chatter(world: World) -> None:
    """Signals and presence are dropped for it; entries come when it drains, then who is here."""
    ada, bob = await world.live("ada"), await world.live("bob")
    bob.socket.is_full = True
    ada.publishes("one", "r")
    ada.says("signal", name="typing")
    await world.live("eve")
    await until(lambda: ada.moves("join") >= {"Eve"})
    assert [member.is_behind for member in world.hub.members()].count(True) == 1
    assert bob.socket.said_of("signal", "message") == []
    bob.socket.is_full = False
    bob.connection.drained()
    assert bob.socket.seqs == [1]
    assert not any(member.is_behind for member in world.hub.members())
    names = [user["name"] for user in bob.socket.said[-1]["users"]]
    assert sorted(names) == ["Ada", "Bob", "Eve"]


async def test_client_that_stands_still_is_cut_and_catches_up(world: World) -> None:
    """`slow_consumer` after the stall limit; on its next connection nothing is missing."""
    bob = await world.live("bob", stall_timeout=0.05)
    bob.socket.is_full = True
    await world.fill(3)
    closing = await bob.is_closed()
    assert (closing["code"], closing["reason"]) == (1013, "slow_consumer")
    assert closing["retry"] == "later"
    bob.connection.drained()
    again = await world.live("bob", Wish(0, "e1", 0))
    assert again.socket.seqs == [1, 2, 3]


async def test_client_that_never_was_live_is_not_called_behind(world: World) -> None:
    """A replay is not a slow client."""
    await world.fill(2)
    access = await world.access(world.people["bob"], "doc")
    bob = Talker(world, access)
    world.held.hold = "start"
    bob.connection.open(FROM_START)
    assert not bob.connection.is_behind
    world.held.release()
    await bob.hears("live")
    assert not bob.connection.is_behind


async def test_lost_connection_is_told_nothing_more(world: World) -> None:
    """Whatever was on its way: a read, an ack, a role, an entry, another end."""
    ada, bob = await world.live("ada"), await world.live("bob")
    heard = len(ada.socket.frames)
    ada.publishes("last words", "r")
    ada.leaves()
    ada.leaves()
    await bob.hears_entries(1)
    await settled(world)
    ada.connection.end("internal")
    ada.connection.drained()
    assert ada.socket.closed is None
    assert len(ada.socket.frames) == heard
    await until(lambda: bob.moves("leave") == {"Ada"})


async def test_lost_before_the_welcome_is_forgotten(world: World) -> None:
    """The answer of the opening read finds nobody."""
    access = await world.access(world.people["ada"], "doc")
    world.held.hold = "start"
    ada = Talker(world, access)
    ada.connection.open(NEWEST)
    await world.writer.call(world.say("bob", "meanwhile"))
    ada.leaves()
    world.held.release()
    await settled(world)
    assert ada.socket.frames == []
    assert world.hub.rooms == 0
