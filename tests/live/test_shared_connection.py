"""One socket for many items: what is promised of an item's own socket holds for each of them."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import ormsgpack
import pytest

from api.errors import Refusal
from api.history.events import CredentialsEnded, UserDisconnected, UserRenamed
from api.live.codecs import CODECS
from api.live.encoding import Frames
from api.live.opening import Arrival, Entrance
from api.rights.access import Role, Standing
from tests.databases import execute
from tests.described import check_shared_frame
from tests.live.fakes import Fields, NoInboxes
from tests.live.shared import Joiner, greet, item_of
from tests.live.test_seat import DeepSocket
from tests.live.world import World, settled, until

pytestmark = pytest.mark.anyio
# Of a seat with all that it needs; a connection by itself takes more than twice as much.
MOST_BYTES = 2000
MEMBERS = {"ada": Role.WRITER, "bob": Role.WRITER, "root": Role.ADMIN}


async def two_items(world: World, **how: Any) -> Joiner:
    """Ada, who has joined "doc" and "two"."""
    await world.item("two", MEMBERS)
    ada = await greet(world, **how)
    await ada.joins("doc")
    await ada.joins("two")
    return ada


def others(fields: list[Fields]) -> list[Fields]:
    """What is not about who is here, which comes when it comes."""
    return [one for one in fields if one["type"] != "presence"]


async def test_hello_comes_first_and_says_what_holds(world: World) -> None:
    """Whose it is, and the limits; before anything is joined."""
    ada = await greet(world)
    (hello,) = ada.socket.said
    assert hello["you"] == {"id": "u-ada", "name": "Ada"}
    assert hello["limits"]["joined_items"] == 200
    ada.says("ping")
    assert ada.socket.said[-1] == {"type": "pong"}
    check_shared_frame(hello)


@pytest.mark.parametrize("codec", ["itemroom.v1.json", "itemroom.v1.msgpack"])
async def test_each_item_has_its_own_replay_and_live_entries(world: World, codec: str) -> None:
    """Each from its cursor, in its order, by its name; whatever the subprotocol."""
    two = await world.item("two", MEMBERS)
    await world.fill(3)
    ada = await greet(world, codec=CODECS[codec])
    is_text = CODECS[codec].is_text
    assert is_text == ada.socket.frames[0].is_text
    pack = orjson.dumps if is_text else ormsgpack.packb

    def say(type_: str, **fields: object) -> None:
        ada.sends(pack({"type": type_, **fields}), is_text=is_text)

    say("join", item="doc", after=1, epoch="e1")
    say("join", item="two", tail=5)
    await ada.hears_of("doc", "live")
    await ada.hears_of("two", "live")
    say("publish", item="two", ref="r", body="hi")
    await ada.hears_of("two", "ack")
    await world.fill(1)
    await ada.hears_of("doc", "message", count=3)
    doc, other = others(ada.of("doc")), others(ada.of("two"))
    assert [one["type"] for one in doc] == ["welcome", "message", "message", "live", "message"]
    assert [one["seq"] for one in doc[1:]] == [2, 3, 3, 4]
    assert (doc[0]["after"], doc[0]["recovered"], doc[0]["head"]) == (1, True, 3)
    assert [one["type"] for one in other] == ["welcome", "live", "message", "ack"]
    assert other[-1]["ref"] == "r"
    assert two != world.key
    for frame in ada.socket.said:
        check_shared_frame(frame)


async def test_many_joins_are_few_reads(world: World) -> None:
    """Those that come while others are read are the next batch, and all that come at once one."""
    for number in range(20):
        await world.item(f"i-{number}", MEMBERS)
    ada = await greet(world)
    asked = world.held.asked
    for number in range(20):
        ada.says("join", item=f"i-{number}", tail=0)
    await until(lambda: len(ada.socket.said_of("live")) == 20)
    assert world.held.asked - asked == 1


async def test_join_that_is_refused_leaves_the_socket(world: World) -> None:
    """Nothing there, not theirs, no id at all; each says so once, and others are joined."""
    await world.item("hers", {"bob": Role.ADMIN})
    ada = await greet(world)
    for item in ("nothing", "hers", "no id"):
        ada.says("join", item=item)
    await ada.joins("doc")
    for item in ("nothing", "hers", "no id"):
        left = {"type": "left", "item": item, "reason": "item_not_found", "retry": "never"}
        assert ada.of(item) == [left]
    ada.says("join", item="x" * 129)
    ada.says("join", item="\x00")
    ada.says("publish", item=7, body="hi")
    assert [one["code"] for one in ada.socket.said_of("error")] == ["bad_message"] * 3
    assert not [one for one in ada.socket.said_of("error") if "item" in one]


async def test_what_is_not_joined_cannot_be_spoken_in(world: World) -> None:
    """Nor left, nor joined twice; the error names the item and the command."""
    ada = await greet(world)
    ada.says("publish", item="doc", ref="r", body="hi")
    ada.says("leave", item="doc")
    ada.says("join", item="doc")
    ada.says("join", item="doc")
    await ada.hears_of("doc", "live")
    ada.says("join", item="doc")
    ada.says("publish", item="doc", ref="r", nonsense=1)
    ada.says("publish", ref="r", body="hi")
    ada.says("append", item="doc", target=99, at=-1, text="x")
    errors = ada.socket.said_of("error")
    assert [
        (one["code"], one.get("item"), one.get("ref"), one.get("target")) for one in errors
    ] == [
        ("not_joined", "doc", "r", None),
        ("not_joined", "doc", None, None),
        ("already_joined", "doc", None, None),
        ("already_joined", "doc", None, None),
        ("bad_message", "doc", "r", None),
        ("bad_message", None, "r", None),
        ("bad_message", "doc", None, 99),
    ]


async def test_leaving_is_answered_after_what_was_taken(world: World) -> None:
    """One's own entry, its ack, `left`; then nothing of the item, and it may be joined again."""
    ada = await two_items(world)
    world.news.hold = True
    ada.says("publish", item="two", ref="r", body="hi")
    ada.says("leave", item="two")
    ada.says("publish", item="two", ref="late", body="hi")
    ada.says("leave", item="two")
    world.news.release()
    await ada.hears_of("two", "left")
    assert [one["type"] for one in others(ada.of("two"))[2:]] == [
        *["error", "error", "message", "ack", "left"]
    ]
    assert ada.of("two")[-1] == {"type": "left", "item": "two"}
    assert [one.access.item_id for one in world.hub.members()] == ["doc"]
    assert (await ada.joins("two", after=1))["recovered"]
    ada.says("leave", item="doc")
    await ada.hears_of("doc", "left")
    await world.fill(1)
    await settled(world)
    assert ada.of("doc")[-1]["type"] == "left"


async def test_join_that_is_taken_back_is_left_at_once(world: World) -> None:
    """What is read for it is for nobody; before its read has begun, and after."""
    ada = await greet(world)
    ada.says("join", item="doc")
    ada.says("leave", item="doc")
    assert ada.of("doc") == [{"type": "left", "item": "doc"}]
    world.held.hold = "answer"
    ada.says("join", item="doc")
    await until(lambda: world.held.held)
    ada.says("leave", item="doc")
    ada.says("join", item="doc", after=0)
    world.held.release()
    await ada.hears_of("doc", "live")
    assert [one["type"] for one in others(ada.of("doc"))] == ["left", "left", "welcome", "live"]
    assert world.hub.members() == list(ada.shared.seats)


async def test_removal_from_an_item_leaves_it_alone(world: World) -> None:
    """As does its deletion; the other items go on."""
    ada = await two_items(world)
    await world.writer.call(world.set_role("ada", None))
    left = await ada.hears_of("doc", "left")
    assert left == {"type": "left", "item": "doc", "reason": "removed", "retry": "never"}
    ada.says("publish", item="two", ref="r", body="still here")
    await ada.hears_of("two", "ack")
    assert ada.socket.closed is None
    eve = await greet(world, "eve")
    await eve.joins("doc")
    await world.writer.call(world.delete_item)
    assert (await eve.hears_of("doc", "left"))["reason"] == "item_deleted"
    assert world.hub.members() == [ada.shared._places["two"].seat]


async def test_removal_while_an_item_is_left_hears_nothing_more(world: World) -> None:
    """Whose rights have ended leaves the room at once, whatever is still to be answered."""
    ada = await two_items(world)
    world.news.hold = True
    ada.says("publish", item="doc", ref="r", body="hi")
    ada.says("leave", item="doc")
    world.send_off(world.set_role("ada", None))
    world.send_off(world.say("bob", "of them alone"))
    world.news.release()
    await ada.hears_of("doc", "left")
    await settled(world)
    assert [one["type"] for one in others(ada.of("doc"))[2:]] == [
        *["message", "member", "ack", "left"]
    ]


Ending = Callable[[World, Joiner], object]


@pytest.mark.parametrize("joined", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (lambda key: CredentialsEnded(key, ids=frozenset({"jti-ada"})), "auth_revoked"),
        (UserDisconnected, "disconnected"),
    ],
    ids=["revoked", "disconnected"],
)
async def test_what_ends_the_user_ends_the_socket(
    world: World,
    event: Callable[[int], CredentialsEnded | UserDisconnected],
    reason: str,
    joined: bool,  # noqa: FBT001 - a parameter's value
) -> None:
    """Whether or not anything is joined; said once, for all."""
    ada = await greet(world)
    if joined:
        await ada.joins("doc")
    bob = await greet(world, "bob")
    key = world.people["ada"].user_key
    await world.writer.call(lambda tx: tx.emit(event(key)))
    assert (await ada.is_closed())["reason"] == reason
    assert not ada.socket.said_of("left")
    assert world.hub.guests.users() == [world.people["bob"].user_key]
    assert bob.socket.closed is None


async def test_new_name_is_that_of_all_seats(world: World) -> None:
    """What is stored from now on is by it."""
    ada = await two_items(world)
    key = world.people["ada"].user_key
    await world.writer.call(lambda tx: tx.emit(UserRenamed(key, "Countess")))
    await settled(world)
    assert {seat.user.name for seat in ada.shared.seats} == {"Countess"}
    assert ada.shared.principal.name == "Countess"


async def test_more_items_than_allowed_are_refused(world: World) -> None:
    """Those that are asked for count as well; who leaves one may join another."""
    ada = await greet(world, joined_items=1)
    ada.says("join", item="doc")
    ada.says("join", item="two")
    left = ada.of("two")[-1]
    assert (left["reason"], left["retry"]) == ("too_many_items", "later")
    await ada.hears_of("doc", "live")
    ada.says("leave", item="doc")
    await ada.hears_of("doc", "left")
    await ada.joins("doc")


async def test_joins_are_bounded_in_time(world: World) -> None:
    """All at once are free; who joins and leaves without an end is told to wait."""
    ada = await greet(world, joined_items=2, light_burst=1, light_rate=0.001, error_burst=0)
    for _ in range(4):
        ada.says("join", item="doc")
        ada.says("leave", item="doc")
    assert ada.socket.said_of("error")[0]["code"] == "rate_limited"


async def test_reads_that_fail_leave_the_items_that_were_asked_for(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told to come back later; the socket stays, and what is joined."""
    ada = await two_items(world)
    ada.says("leave", item="two")
    await ada.hears_of("two", "left")
    world.held.failure = Refusal("database_unavailable", retry_after=1)
    ada.says("join", item="two")
    left = await ada.hears_of("two", "left", count=2)
    assert left["retry"] == "later"
    world.held.failure = RuntimeError("a broken read")
    ada.says("join", item="two")
    await ada.hears_of("two", "left", count=3)
    assert "a broken read" in caplog.text
    assert ada.socket.closed is None


async def test_renewal_is_told_once_and_costs_what_it_does_not_allow(world: World) -> None:
    """A token that is limited to one of two items; then one that is another user's."""
    ada = await two_items(world)
    own = world.people["ada"]
    limited = replace(own.credential, id="newer", items={"two": Role.READER})
    ada.tokens |= {"newer": replace(own, credential=limited), "bob": world.people["bob"]}
    ada.says("auth", token="newer")
    left = await ada.hears_of("doc", "left")
    assert left["reason"] == "removed"
    assert len(ada.socket.said_of("auth")) == 1
    assert (await ada.hears_of("two", "role"))["role"] == "reader"
    ada.says("auth", token="bob")
    assert (await ada.hears("error"))["code"] == "forbidden"
    ada.says("join", item="doc")
    assert (await ada.hears_of("doc", "left", count=2))["reason"] == "item_not_found"


async def test_token_that_has_ended_meanwhile_is_refused(world: World) -> None:
    """The socket goes on by the former one, unless nobody vouches for that either."""
    ada = await two_items(world)
    own = world.people["ada"]
    ended = replace(own, credential=replace(own.credential, id="ended", expires_at=1))
    ada.tokens["ended"] = ended
    ada.says("auth", token="ended")
    assert (await ada.hears("error"))["code"] == "auth_expired"
    ada.shared.renew(ended, is_shown=False)
    assert (await ada.is_closed())["reason"] == "auth_expired"


async def test_join_during_a_renewal_is_read_again(world: World) -> None:
    """What was read for the former token does not count."""
    ada = await greet(world)
    own = world.people["ada"]
    world.held.hold = "answer"
    ada.says("join", item="doc")
    await until(lambda: world.held.held)
    limited = replace(own.credential, id="newer", items={"doc": Role.READER})
    ada.shared._principal = replace(own, credential=limited)
    world.held.release()
    await ada.hears_of("doc", "live")
    assert ada.of("doc", "welcome")[0]["you"]["role"] == "reader"


async def test_what_the_database_says_of_the_user_is_judged(world: World) -> None:
    """Where another server has changed it: ended, disconnected, or nothing of these."""
    ada = await greet(world)
    standing = ada.shared.standing
    assert [one.item_id for one in ada.shared.judged] == [""]
    ada.shared.restand(standing)
    assert ada.socket.closed is None
    ada.shared.restand(replace(standing, disconnects=1))
    assert (await ada.is_closed())["reason"] == "disconnected"
    bob = await greet(world, "bob")
    bob.shared.restand(Standing(credential_ended=True))
    assert (await bob.is_closed())["reason"] == "auth_revoked"


async def test_rights_that_moved_before_the_hello_are_read_again(world: World) -> None:
    """What was read at the door may be of before."""
    ada = await greet(world)
    standing = ada.shared.standing
    ada.leaves()
    again = Joiner(world, await world.access(world.people["ada"], "doc"))
    before = world.hub.moment
    world.hub.rights_moved()
    asked = world.held.asked
    stale = replace(standing, user_rights=-1)
    again.shared.open(Entrance(world.people["ada"], stale, before))
    await until(lambda: again.shared.standing == standing)
    assert world.held.asked - asked == 1


async def test_database_that_fails_ends_who_cannot_be_judged(world: World) -> None:
    """As an item's own socket."""
    ada = await greet(world)
    world.held.failure = Refusal("database_unavailable", retry_after=1)
    ada.shared.renew(world.people["ada"], is_shown=False)
    assert (await ada.is_closed())["retry"] == "later"


async def test_client_that_does_not_read_is_cut_whole(world: World) -> None:
    """By any of its items, and by what it asks."""
    ada = await two_items(world, stall_timeout=0.01)
    ada.socket.is_full = True
    await world.fill(1)
    assert (await ada.is_closed())["reason"] == "slow_consumer"
    bob = await greet(world, "bob", commands_in_flight=5)
    bob.socket.is_full = True
    for _ in range(6):
        bob.says("ping")
    assert (await bob.is_closed())["reason"] == "slow_consumer"


async def test_errors_are_counted_over_all_items(world: World) -> None:
    """A client that does nothing but err is cut off, wherever it does."""
    ada = await two_items(world, error_burst=3, error_rate=0.001)
    for item in ("doc", "two", "none", "doc"):
        ada.says("edit", item=item, target=1, body=1, nonsense=1)
    assert (await ada.is_closed())["reason"] == "too_many_errors"


async def test_answers_before_the_welcome_wait_for_it(world: World) -> None:
    """Where rights have moved since an item was read for a join, it is read once more."""
    ada = await greet(world)
    world.held.hold = "answer"
    ada.says("join", item="doc")
    await until(lambda: world.held.held)
    world.hub.rights_moved()
    world.held.release(go_on=False)
    await until(lambda: ada.shared.seats)
    ada.says("presence", item="doc")
    ada.says("edit", item="doc", target=1)
    assert ada.of("doc") == []
    world.held.release()
    await ada.hears_of("doc", "live")
    assert [one["type"] for one in ada.of("doc")][:3] == ["welcome", "presence", "error"]


async def test_item_that_is_left_before_its_welcome_is_answered(world: World) -> None:
    """What waits is said before `left`."""
    ada = await greet(world)
    world.held.hold = "answer"
    ada.says("join", item="doc")
    await until(lambda: world.held.held)
    world.hub.rights_moved()
    world.held.release(go_on=False)
    await until(lambda: ada.shared.seats)
    ada.says("presence", item="doc")
    ada.says("leave", item="doc")
    assert [one["type"] for one in ada.of("doc")] == ["presence", "left"]
    world.held.release()
    await settled(world)
    assert len(ada.of("doc")) == 2


async def test_socket_that_is_lost_leaves_all_rooms(world: World) -> None:
    """Also those that it was about to join or to leave; no timer remains."""
    ada = await two_items(world)
    world.news.hold = True
    ada.says("publish", item="two", ref="r", body="hi")
    ada.says("leave", item="two")
    ada.says("join", item="nothing")
    ada.leaves()
    ada.leaves()
    world.news.release()
    await settled(world)
    assert (world.hub.members(), len(world.hub.guests)) == ([], 0)
    assert ada.of("nothing") == []


async def test_messages_in_the_making_grow_in_their_item(world: World) -> None:
    """Text is answered and told by the item's name."""
    ada = await two_items(world)
    bob = await greet(world, "bob")
    await bob.joins("two")
    ada.says("start", item="two", ref="s", body="")
    seq = (await ada.hears_of("two", "ack"))["seq"]
    ada.says("append", item="two", target=seq, at=0, text="Hel")
    assert (await ada.hears_of("two", "appended"))["length"] == 3
    assert (await bob.hears_of("two", "append"))["text"] == "Hel"
    for frame in (*ada.socket.said, *bob.socket.said):
        check_shared_frame(frame)
        assert item_of(frame) in {None, "doc", "two"}


async def test_asking_others_that_fails_is_ours_to_answer_for(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told by which failure, and the log what it was."""
    ada = await greet(world)

    async def late(*_: object) -> Arrival:
        raise RuntimeError("the shop fell over")

    ada.shared._joining.late = late
    ada.says("join", item="nothing")
    left = await ada.hears_of("nothing", "left")
    assert (left["reason"], left["message"].split()[0]) == ("internal", "failure")
    assert "the shop fell over" in caplog.text


async def test_item_that_others_let_in_and_that_fails_is_left(world: World) -> None:
    """What asks again may fail as well: that is the item's end alone."""
    ada = await two_items(world)
    ada.shared._places["two"].renew(world.people["ada"], is_shown=False)
    await settled(world)
    assert not ada.of("two", "left")
    ada.shared._places["two"].failed("0a1b2c3d")
    left = await ada.hears_of("two", "left")
    assert (left["reason"], left["message"]) == ("internal", "failure 0a1b2c3d")
    assert ada.socket.closed is None


async def test_who_has_missed_something_comes_before_old_entries(world: World) -> None:
    """When the socket takes more: what is live is told first, then replays go on, in turns."""
    two = await world.item("two", MEMBERS)
    bob = await world.access(world.people["bob"], "two")
    for number in range(8):
        await world.publish(bob, b"%d" % number)
    ada = await greet(world, page_max=2)
    await ada.joins("doc")
    world.held.hold = "start"
    ada.says("join", item="two", after=0)
    await until(lambda: world.held.held)
    world.held.release(go_on=False)
    await until(lambda: world.held.held)
    ada.socket.is_full = True
    world.held.release()
    await world.fill(1)
    await settled(world)
    assert not ada.of("doc", "message")
    ada.socket.is_full = False
    ada.shared.drained()
    await ada.hears_of("two", "live")
    told = [item_of(one) for one in ada.socket.said_of("message")]
    assert told.index("doc") <= 2
    assert [one["seq"] for one in ada.of("two", "message")] == list(range(1, 9))
    assert two != world.key


async def test_seat_among_many_is_small(world: World) -> None:
    """In a room that others are in already: the room is not the seat's."""
    items = [f"i-{number}" for number in range(60)]
    for item in items:
        await world.item(item, {"ada": Role.WRITER, "bob": Role.WRITER})

    async def join_all(joiner: Joiner) -> None:
        for item in items:
            joiner.says("join", item=item, tail=0)
        await until(lambda: len(joiner.shared.seats) == len(items))
        await settled(world)

    # What is made for the first, as statements of that size, is not counted.
    await join_all(await greet(world, "bob"))
    ada = await greet(world)
    ada.shared.socket = DeepSocket()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    await join_all(ada)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown / len(items) < MOST_BYTES


async def test_replays_take_turns(world: World) -> None:
    """A page each: who has much to replay does not keep another waiting."""
    await world.item("two", MEMBERS)
    two = await world.access(world.people["bob"], "two")
    for number in range(8):
        await world.publish(two, b"%d" % number)
    await world.fill(8)
    ada = await greet(world, page_max=2)
    ada.says("join", item="doc", after=0)
    ada.says("join", item="two", after=0)
    await ada.hears_of("doc", "live")
    await ada.hears_of("two", "live")
    for item in ("doc", "two"):
        assert [one["seq"] for one in ada.of(item, "message")] == list(range(1, 9))
    order = [item_of(one) for one in ada.socket.said_of("message")]
    assert order.index("two") < 6
    assert order.index("doc") < 6
    await asyncio.sleep(0)


async def test_inbox_is_watched_by_the_socket(world: World) -> None:
    """From a moment on; what is told waits for no item, and goes only where there is room."""
    ada = await greet(world)
    inboxes = ada.services.inboxes
    assert isinstance(inboxes, NoInboxes)
    ada.says("watch", since="2026-01-31T15:25:13.207Z")
    assert inboxes.watchers == {ada.shared: 1769873113207}
    assert ada.shared.tell_items([])
    ada.shared.is_watching(0)
    assert ada.socket.said[-1] == {"type": "watching", "at": "1970-01-01T00:00:00.000Z"}
    ada.socket.is_full = True
    assert not ada.shared.tell_items([])
    ada.says("watch", since="yesterday")
    ada.says("watch", since=7)
    ada.says("watch", since="2026-01-31T15:25:13")
    errors = [one["message"] for one in ada.socket.said_of("error")]
    assert [error.partition(":")[0] for error in errors] == ["watch.since"] * 3
    ada.says("unwatch")
    assert inboxes.watchers == {}
    ada.says("watch")
    ada.leaves()
    assert inboxes.watchers == {}
    assert not ada.shared.tell_items([])


async def test_who_fills_the_socket_is_the_last_next_time(world: World) -> None:
    """So that none of several who are behind is given all that there is room for."""
    ada = await two_items(world)
    two = await world.access(world.people["bob"], "two")
    ada.socket.is_full = True
    await world.fill(1)
    await world.publish(two)
    await settled(world)
    ada.socket.is_full = False
    send = ada.socket.send

    def fill(frames: Frames) -> None:
        send(frames)
        ada.socket.is_full = True

    ada.socket.send = fill  # type: ignore[method-assign] # as one that is full after each
    ada.shared.drained()
    assert [item_of(one) for one in ada.socket.said_of("message")] == ["doc"]
    assert [*ada.shared._places] == ["two", "doc"]
    ada.socket.is_full = False
    ada.shared.drained()
    assert [item_of(one) for one in ada.socket.said_of("message")] == ["doc", "two"]

    def leave(frames: Frames) -> None:
        send(frames)
        ada.socket.is_full = True
        ada.socket.send = send  # type: ignore[method-assign] # as it was
        ada.shared._places["doc"].end("restart")

    await world.fill(1)
    await settled(world)
    ada.socket.is_full, ada.socket.send = False, leave  # type: ignore[method-assign] # as above
    ada.shared.drained()
    assert ada.of("doc")[-1]["reason"] == "restart"
    assert [*ada.shared._places] == ["two"]


async def test_credential_that_a_read_finds_ended_ends_the_socket(world: World) -> None:
    """Whoever reads it first: a join, or what the database says of a seat or of the socket."""
    ended = Standing(credential_ended=True)
    joined, judged, vouched = await two_items(world), await greet(world), await greet(world)
    joined.shared._places["two"].seat.restand(ended)
    assert (await joined.is_closed())["reason"] == "auth_revoked"
    await judged.joins("doc")
    judged.shared.renew(world.people["ada"], is_shown=False)
    await settled(world)
    assert judged.socket.closed is None
    await world.writer.call(
        lambda tx: execute(tx.connection, 'UPDATE "user" SET disabled = ?', True)
    )
    judged.says("join", item="two")
    assert (await judged.is_closed())["reason"] == "auth_revoked"
    assert not judged.of("two")
    vouched.shared.left(Refusal("removed"))
    assert (await vouched.is_closed())["reason"] == "removed"


async def test_item_that_is_deleted_while_it_is_read_is_not_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights and log are read one after the other."""
    monkeypatch.setattr("api.live.opening.read_extents", lambda *_: {})
    ada = await greet(world)
    ada.says("join", item="doc")
    assert (await ada.hears_of("doc", "left"))["reason"] == "item_not_found"
