"""Who is here, how far everybody has read, and the other ways in: over REST and sockets."""

import asyncio
import time

import pytest
from websockets.asyncio.client import connect

from tests.conftest import Serve
from tests.serving import Fields, LiveServer, Person, Talk

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture(params=["wire", "plain"])
def adapter(request: pytest.FixtureRequest) -> str:
    """The room is the same under our own protocols and under those of any ASGI server."""
    name: str = request.param
    return name


GRACE = 2.0  # Seconds, in which somebody comes back also on a busy machine.


def moves(talk: Talk, user: Person) -> list[str]:
    """The joins and leaves of a user that a client was told, in order."""
    told = []
    for frame in talk.seen:
        if frame["type"] == "presence":
            told += [what for what in ("join", "leave") if named(frame.get(what, []), user)]
    return told


def named(users: list[Fields], user: Person) -> bool:
    return user.id in {shown["id"] for shown in users}


async def told(talk: Talk, user: Person, what: str) -> None:
    """Wait until a client is told of a join or a leave."""
    while not named((await talk.get("presence")).get(what, []), user):
        pass


async def test_a_reconnect_is_no_leave_and_a_second_tab_no_join(serve: Serve) -> None:
    """A leave comes after the grace, when the last of all tabs has gone."""
    server = serve(presence_grace=GRACE, presence_interval=0.02)
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("room", bob="reader")
    async with ada.room("room") as hers:
        await hers.get("live")
        async with bob.room("room") as tab, bob.room("room"):
            await told(hers, bob, "join")
            assert present(ada) == {ada.id, bob.id}
            assert tab.welcome["presence"]["count"] == 2
        async with bob.room("room") as again:
            assert again.welcome["presence"]["count"] == 2
        left_at = time.monotonic()
        assert present(ada) == {ada.id, bob.id}
        await told(hers, bob, "leave")
        assert time.monotonic() - left_at > GRACE * 0.9
        assert moves(hers, bob) == ["join", "leave"]
        assert present(ada) == {ada.id}
        await hers.send("presence")
        assert (await hers.get("presence"))["users"] == [{"id": ada.id, "name": "ada"}]


def present(person: Person) -> set[str]:
    shown = person.call("GET", "/items/room/presence").json()
    assert shown["count"] == len(shown["users"])
    return {user["id"] for user in shown["users"]}


async def test_someone_removed_is_gone_at_once(serve: Serve) -> None:
    """The grace is for who may come back."""
    server = serve(presence_grace=60, presence_interval=0.02)
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("room", bob="reader")
    async with ada.room("room") as hers:
        await hers.get("live")
        async with bob.room("room"):
            await told(hers, bob, "join")
            await asyncio.to_thread(ada.call, "DELETE", "/items/room/members/bob")
            await told(hers, bob, "leave")


async def test_read_markers_agree_on_both_roads(server: LiveServer) -> None:
    """Read by the socket, seen by REST, and the other way round; a marker never goes back."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("room", bob="reader")
    seqs = [ada.publish("room", number)["seq"] for number in range(3)]
    assert unread(bob) == 3
    async with ada.room("room") as hers, bob.room("room") as his:
        await hers.get("live")
        await his.get("live")
        await his.send("read", seq=seqs[1])
        heard = await hers.get("read")
        assert (heard["by"]["id"], heard["seq"]) == (bob.id, seqs[1])
        assert unread(bob) == 1
        bob.call("PUT", "/items/room/read", json={"seq": seqs[2]}).raise_for_status()
        assert (await hers.get("read"))["seq"] == seqs[2]
        assert unread(bob) == 0
        await his.send("read", seq=seqs[0])
        await his.send("ping")
        await his.get("pong")
        assert unread(bob) == 0
    assert bob.call("GET", "/items/room").json()["read_seq"] == seqs[2]


def unread(person: Person) -> int:
    [item] = person.call("GET", "/items").json()["items"]
    assert item["unread"] == person.call("GET", "/items/room").json()["unread"]
    return int(item["unread"])


async def test_a_ticket_opens_one_socket(server: LiveServer) -> None:
    """Of ten that come with it at once, one gets in, as the user who asked for it."""
    ada = server.person("ada")
    ada.create("room")
    made = ada.call("POST", "/items/room/tickets").json()
    assert made["expires_in"] == 30
    url = server.room_url("room", ticket=made["ticket"])
    firsts = await asyncio.gather(*(first_frame(url) for _ in range(10)))
    welcomes = [frame for frame in firsts if frame["type"] == "welcome"]
    refused = [frame for frame in firsts if frame.get("reason") == "ticket_used"]
    assert (len(welcomes), len(refused)) == (1, 9)
    assert welcomes[0]["you"]["id"] == ada.id


async def first_frame(url: str) -> Fields:
    async with connect(url, proxy=None) as socket:
        return await Talk(socket).next()


async def test_a_ticket_is_too_old_after_its_time(serve: Serve) -> None:
    """Like one that was used: whoever has it asks for another."""
    server = serve(ticket_ttl=1)
    ada = server.person("ada")
    ada.create("room")
    made = ada.call("POST", "/items/room/tickets").json()
    await asyncio.sleep(made["expires_in"] + 0.05)
    frame = await first_frame(server.room_url("room", ticket=made["ticket"]))
    assert (frame["reason"], frame["retry"]) == ("ticket_used", "after_auth")


async def test_an_api_token_reads_some_orders_and_nothing_else(server: LiveServer) -> None:
    """Limited to `order-*` as a reader, though its user is the admin of everything."""
    ada = server.person("ada")
    for item_id in ("order-1", "order-2", "invoice-1"):
        ada.create(item_id)
    wanted = {"name": "display", "items": {"order-*": "reader"}}
    token = ada.call("POST", "/tokens", json=wanted).json()["token"]
    limited = Person(server, "ada", ada.id, token)
    async with limited.room("order-1") as talk:
        assert talk.welcome["you"]["role"] == "reader"
        assert (await talk.publish("x"))["code"] == "forbidden"
        ada.publish("order-1", "shown")
        assert (await talk.get("message"))["body"] == "shown"
    frame = await first_frame(server.room_url("invoice-1", token=token))
    assert frame["reason"] == "item_not_found"
    assert limited.call("GET", "/items/order-2/messages").is_success
    said = limited.call("POST", "/items/order-2/messages", json={"body": "x"})
    assert (said.status_code, said.json()["code"]) == (403, "forbidden")
    assert limited.call("GET", "/items/invoice-1").status_code == 404
    assert limited.call("DELETE", "/items/order-1").status_code == 403
    assert limited.call("POST", "/tokens", json=wanted).json()["code"] == "forbidden"
    listed = {item["id"] for item in limited.call("GET", "/items").json()["items"]}
    assert listed == {"order-1", "order-2"}


async def test_a_signal_reaches_the_others_and_no_log(server: LiveServer) -> None:
    """Typing is told to whoever is here, but not to who types."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("room", bob="writer")
    async with ada.room("room") as hers, bob.room("room") as his:
        await hers.get("live")
        await his.get("live")
        await his.send("signal", name="typing", body={"on": True})
        heard = await hers.get("signal")
        assert (heard["by"]["id"], heard["name"], heard["body"]) == (bob.id, "typing", {"on": True})
        await his.send("ping")
        head = (await his.get("pong"))["head"]
        assert "signal" not in {frame["type"] for frame in his.seen}
    assert ada.call("GET", "/items/room/log").json()["head"] == head == 1


async def test_a_client_that_closes_is_answered_with_its_code(server: LiveServer) -> None:
    """Codes that a client may send; afterwards the room is empty."""
    ada = server.person("ada")
    ada.create("room")
    for code in (1000, 1001, 3000, 4999):
        async with ada.room("room") as talk:
            await talk.socket.close(code, "bye")
            assert (await talk.closed())[0] == code
