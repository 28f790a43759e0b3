"""The log by long polls: answered when there is something, by the hub and not by a clock."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from api.errors import Refusal
from api.live.encoding import Frame, Frames
from api.rooms.polling import CODEC, Waiting, refusal_of
from tests.conftest import Serve
from tests.deadlines import scaled
from tests.live.fakes import entry
from tests.scenarios.frames import dial
from tests.scenarios.handshakes import sign_in
from tests.serving import LiveServer, Person

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
# Beyond all that a test may take: whoever is answered has not been by the clock.
LONG = 30


@pytest.fixture(params=["wire", "plain"])
def adapter(request: pytest.FixtureRequest) -> str:
    """The room is the same under our own protocols and under those of any ASGI server."""
    name: str = request.param
    return name


async def poll(person: Person, item_id: str = "doc", **query: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {person.token}"}
    async with httpx2.AsyncClient(
        base_url=person.server.url, trust_env=False, timeout=60, headers=headers
    ) as client:
        return await client.get(f"/items/{item_id}/log", params=query)


@asynccontextmanager
async def polling(
    server: LiveServer, person: Person, **query: Any
) -> AsyncIterator["asyncio.Task[httpx2.Response]"]:
    """Somebody who waits, and has a seat by now."""
    task = asyncio.create_task(poll(person, **{"wait": LONG} | query))
    while not server.state.hub.guests:
        assert not task.done(), task.result().text
        await asyncio.sleep(0.01)
    started = time.monotonic()
    yield task
    await task
    assert time.monotonic() - started < min(LONG, scaled(20))
    assert len(server.state.hub.guests) == 0


def seqs(answer: httpx2.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [one["seq"] for one in answer.json()["entries"]]


async def test_poll_is_answered_when_there_is_something(server: LiveServer) -> None:
    """At once, or as soon as it is stored; meanwhile one is in the room."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("doc", bob="writer")
    assert seqs(await poll(bob, after=0, wait=LONG)) == [1]
    async with polling(server, bob, after=1) as waiting:
        present = (await asyncio.to_thread(ada.call, "GET", "/items/doc/presence")).json()
        assert [user["name"] for user in present["users"]] == ["bob"]
        await asyncio.to_thread(ada.publish, "doc", "hello")
    answer = await waiting
    assert seqs(answer) == [2]
    assert answer.json()["head"] == 2


async def test_polls_one_after_the_other_miss_and_double_nothing(serve: Serve) -> None:
    """Whatever is stored between two of them, or while one is answered."""
    server = serve(publish_rate=0)
    ada = server.person("ada")
    ada.create("doc")
    total = 200

    async def talk() -> None:
        async with ada.room("doc") as room:
            for number in range(total):
                await room.publish(number, ref=f"r{number}")

    talking = asyncio.create_task(talk())
    got: list[int] = []
    while len(got) < total:
        got += seqs(await poll(ada, after=len(got), wait=LONG, limit=7))
    await talking
    assert got == list(range(1, total + 1))


async def test_poll_that_waits_in_vain_is_an_empty_page(server: LiveServer) -> None:
    """After as long as it asked for; without `wait` at once, as ever."""
    ada = server.person("ada")
    ada.create("doc")
    for wait in (0, 1):
        answer = await poll(ada, wait=wait)
        assert seqs(answer) == []
        assert answer.elapsed.total_seconds() >= wait
    head = await asyncio.to_thread(ada.call, "HEAD", f"/items/doc/log?wait={LONG}")
    assert (head.status_code, head.content) == (200, b"")
    too_long = await poll(ada, wait=LONG + 1)
    assert (too_long.status_code, too_long.json()["code"]) == (400, "malformed")


async def test_place_in_another_life_of_the_log_is_told_at_once(server: LiveServer) -> None:
    """By its epoch, or by a seq that is not there yet: to wait there would be to miss."""
    ada = server.person("ada")
    ada.create("doc")
    ada.publish("doc", "hello")
    epoch = ""
    for place in ({"after": 1, "epoch": "another"}, {"after": 7}):
        answer = await poll(ada, wait=LONG, **place)
        assert seqs(answer) == []
        assert answer.json()["head"] == 1
        epoch = answer.json()["epoch"]
    async with polling(server, ada, after=1, epoch=epoch) as waiting:
        await asyncio.to_thread(ada.publish, "doc", "more")
    assert seqs(await waiting) == [2]


async def test_rights_that_end_meanwhile_end_the_poll(server: LiveServer) -> None:
    """With the problem that a socket would be closed for."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("doc", bob="reader")
    async with polling(server, bob, after=1) as waiting:
        await asyncio.to_thread(ada.call, "DELETE", "/items/doc/members/bob")
    answer = await waiting
    assert (answer.status_code, answer.json()["code"]) == (403, "removed")
    assert (await poll(bob, after=1, wait=LONG)).status_code == 404


async def test_server_that_stops_answers_who_waits(serve: Serve) -> None:
    """At once, and says when to come back."""
    server = serve(restart_spread=2)
    ada = server.person("ada")
    ada.create("doc")
    async with polling(server, ada) as waiting:
        await asyncio.to_thread(server.stop)
    answer = await waiting
    assert (answer.status_code, answer.json()["code"]) == (503, "restart")
    assert 0.5 <= answer.json()["retry_after"] <= 2.5


async def test_who_waits_is_counted_among_connections(serve: Serve) -> None:
    """And whose page asks is judged as at a socket."""
    server = serve(connections_per_user=1)
    ada = server.person("ada")
    ada.create("doc")
    cookie = {"Cookie": f"itemroom_session={sign_in(server, 'ada')}", "Sec-Fetch-Site": "same-site"}
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as page:
        assert (await page.get("/items/doc/log", headers=cookie)).status_code == 200
        denied = await page.get("/items/doc/log?wait=5", headers=cookie)
        assert (denied.status_code, denied.json()["code"]) == (403, "origin_denied")
    async with polling(server, ada):
        refused = await poll(ada, wait=LONG)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_connections")
        assert seqs(await poll(ada)) == []
        await asyncio.to_thread(ada.publish, "doc", "hello")


async def test_client_that_goes_frees_its_seat(server: LiveServer) -> None:
    """Not only when its time is over."""
    ada = server.person("ada")
    ada.create("doc")
    target = f"/items/doc/log?wait={LONG}&token={ada.token}"
    with dial(server.url, f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()) as raw:
        while not server.state.hub.guests:
            await asyncio.sleep(0.01)
        raw.reset()
    async with asyncio.timeout(scaled(20)):
        while server.state.hub.guests:
            await asyncio.sleep(0.01)


def test_news_tells_of_entries_and_of_the_end_alone() -> None:
    """All else that is said in a room wakes nobody who waits for its log."""
    assert CODEC.encode_entry(entry(1)) is CODEC.encode_entry(entry(2))
    assert CODEC.encode({"type": "presence", "count": 1}) is None
    with pytest.raises(Refusal):
        CODEC.decode(b"{}")


def test_end_of_a_wait_is_what_the_frame_says() -> None:
    """Code, message and when to come back."""
    waiting = Waiting()
    closing = CODEC.encode(
        {"type": "closing", "code": 1013, "reason": "busy", "retry": "later", "retry_after": 2}
    )
    assert isinstance(closing, Frame)
    waiting.deafen()
    assert waiting.offer(Frames([closing]))
    waiting.close(1013, "busy")
    assert waiting.closing is not None
    refusal = refusal_of(waiting.closing)
    assert (refusal.code, refusal.retry_after) == ("busy", 2)
