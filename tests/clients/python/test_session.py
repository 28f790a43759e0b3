"""Many rooms by one socket: each as by its own, and the inbox of all items."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from itemroom import Entry, Inbox, Message, Refused, Room, Session
from tests.clients.python.scripted import until
from tests.conftest import Serve
from tests.deadlines import scaled
from tests.serving import PASSWORD, LiveServer, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
async def people(server: LiveServer) -> tuple[Person, Person]:
    """Ada, whose items these are, and Bob, who writes in them."""
    ada, bob = server.person("ada"), server.person("bob")
    for item in ("one", "two"):
        ada.create(item, bob="writer")
    return ada, bob


@pytest.fixture
async def session(server: LiveServer, people: tuple[Person, Person]) -> AsyncIterator[Session]:
    """Bob's."""
    async with asyncio.timeout(scaled(30)), Session(server.url, token=people[1].token) as session:
        yield session


async def bodies(room: Room, count: int) -> list[object]:
    """Of the next messages."""
    found: list[object] = []
    async for entry in room:
        if isinstance(entry, Message):
            found.append(entry.body)
            if len(found) == count:
                break
    return found


async def test_rooms_share_a_socket(server: LiveServer, session: Session) -> None:
    """Each has its own log, cursor and answers; to leave one leaves the others."""
    async with session.room("one", after=0) as one, session.room("two") as two:
        assert len(server.state.hub.guests) == 1
        assert [await sent for sent in (one.publish("a"), two.publish("b"))] == [2, 2]
        assert await bodies(one, 1) == ["a"]
        assert (one.item["id"], two.item["id"]) == ("one", "two")
        with pytest.raises(Refused) as refused:
            session.room("one")
        assert refused.value.code == "already_joined"
        await one.close()
        async with session.room("one", tail=1) as again:
            assert await bodies(again, 1) == ["a"]
            await again.publish("c")
            assert await bodies(again, 1) == ["c"]
        assert await two.publish("d") == 3
    while server.state.hub.guests:
        await asyncio.sleep(0.01)
    async with session.room("one", tail=0) as late:
        assert await late.publish("e") == 4


async def test_what_ends_a_room_leaves_the_others(
    session: Session, people: tuple[Person, Person]
) -> None:
    """Not found, removed; each says why."""
    ada, _ = people
    async with session.room("one", after=0) as one, session.room("two") as two:
        with pytest.raises(Refused) as refused:
            async with session.room("nowhere"):
                pass
        assert refused.value.code == "item_not_found"
        ada.call("DELETE", "/items/two/members/bob")
        await until(lambda: two.state == "refused")
        assert two.error is not None
        assert (two.error.code, two.error.retry) == ("removed", "never")
        await one.publish("still here")


async def test_lost_connection_is_resumed_by_all(session: Session) -> None:
    """From the place of each; what was on its way is stored once."""
    async with session.room("one", after=0) as one, session.room("two", after=0) as two:
        for number in range(3):
            one.reconnect()
            session._board.close()
            seqs = [*await asyncio.gather(one.publish(number), two.publish(number))]
            assert seqs == [2 + number, 2 + number]
        assert await bodies(one, 3) == await bodies(two, 3) == [0, 1, 2]


async def test_server_that_restarts_is_come_back_to(serve: Serve) -> None:
    """All are told, and wait as long as it asks."""
    server = serve(restart_spread=0)
    ada = server.person("ada")
    ada.create("one")
    async with Session(server.url, token=ada.token) as session, session.room("one") as one:
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        await until(lambda: one.state == "waiting")
        assert one.change.reason in {"restart", "lost", "unreachable"}
        await stopping


async def test_socket_that_is_refused_refuses_the_room(server: LiveServer) -> None:
    """As one of its own would be."""
    async with Session(server.url, token="nonsense") as session:
        with pytest.raises(Refused) as refused:
            async with session.room("one"):
                pass
        assert refused.value.code == "auth_invalid"
        with pytest.raises(Refused) as none:
            await session.inbox.ready()
        assert none.value.code == "auth_invalid"
        with pytest.raises(Refused):
            await anext(session.inbox)


async def test_closed_session_opens_nothing(server: LiveServer) -> None:
    """It says so."""
    session = Session(server.url, token="x")
    await session.close()
    with pytest.raises(Refused):
        session.room("one")
    with pytest.raises(Refused):
        _ = session.inbox


async def test_nothing_goes_on_after_a_session(server: LiveServer) -> None:
    """Whoever ends the loop then finds no socket that is still saying goodbye."""
    ada = server.person("ada")
    ada.create("one")
    before = asyncio.all_tasks()
    session = Session(server.url, token=ada.token)
    async with session, session.room("one") as room:
        assert room.state == "live"
        assert len(asyncio.all_tasks()) > len(before)
    assert asyncio.all_tasks() == before


async def test_slow_reader_of_one_room_keeps_nobody_waiting(
    session: Session, people: tuple[Person, Person]
) -> None:
    """Its room is left until it reads, and gone on with from there."""
    ada, _ = people
    async with session.room("one", after=0, buffer=4) as slow, session.room("two") as other:
        for number in range(12):
            ada.publish("one", number)
        await until(lambda: slow.change.reason == "buffer_full")
        await other.publish("meanwhile")
        assert await bodies(slow, 12) == list(range(12))


async def test_message_grows_by_a_shared_socket(session: Session) -> None:
    """As by any other."""
    async with session.room("one") as room:
        async with room.stream({"text": ""}) as stream:
            await stream.append("Hel")
            await stream.append("lo")
        heard: list[Entry] = []
        async for entry in room:
            heard.append(entry)
            if entry.type == "finish":
                break
        assert heard[-1].seq == stream.seq + 1


async def test_inbox_knows_of_all_items(session: Session, people: tuple[Person, Person]) -> None:
    """The list first, then each change; what is gone is gone from it."""
    ada, bob = people
    inbox = session.inbox
    assert session.inbox is inbox
    await inbox.ready()
    assert set(inbox.items) == {"one", "two"}
    seq = ada.publish("one", {"text": "@bob", "mentions": ["bob"]})["seq"]
    while inbox.totals.mentions == 0:
        await anext(inbox)
    assert inbox.totals.unread == 1
    assert inbox.items["one"]["last"] is not None
    bob.call("PUT", "/items/one/read", json={"seq": seq})
    while inbox.totals.unread:
        await anext(inbox)
    ada.call("DELETE", "/items/one/members/bob")
    while "one" in inbox.items:
        await anext(inbox)
    await inbox.close()
    assert [item async for item in inbox] == []


async def test_inbox_comes_back(session: Session, people: tuple[Person, Person]) -> None:
    """And is told what it has missed."""
    ada, _ = people
    inbox = session.inbox
    await inbox.ready()
    session._board.close()
    ada.publish("two", "missed")
    while inbox.totals.unread == 0:
        await anext(inbox)
    assert isinstance(inbox, Inbox)


async def test_long_list_is_read_page_by_page(
    server: LiveServer, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its end."""
    monkeypatch.setattr("itemroom.inbox.PAGE", 1)
    await session.inbox.ready()
    assert set(session.inbox.items) == {"one", "two"}


async def test_token_is_renewed_for_all_rooms(serve: Serve) -> None:
    """By one of them, on the socket that they share."""
    server = serve(access_token_ttl=3, expiry_notice=2)
    ada = server.person("ada")
    for item in ("one", "two"):
        ada.create(item)
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        form = {"username": "ada", "password": PASSWORD}
        answer = await asyncio.to_thread(ada.call, "POST", "/auth/token", data=form)
        return str(answer.json()["access_token"])

    session = Session(server.url, get_token=token)
    async with session, session.room("one") as one, session.room("two") as two:
        (guest,) = server.state.hub.guests
        before = guest.principal.credential.id
        await until(lambda: guest.principal.credential.id != before)
        assert (one.state, two.state) == ("live", "live")
        assert await two.publish("by the newer one") == 1
    assert asked >= 2
