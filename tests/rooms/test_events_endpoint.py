"""A room over server-sent events, under a real server: a seat like any other."""

import asyncio
import re
import time
from typing import Any

import httpx2
import pytest

from api.history.extent import MAX_PAGE_BYTES
from api.live.encoding import Frames
from api.rooms import events_endpoint
from api.rooms.events import EventSocket
from tests.conftest import Serve
from tests.deadlines import scaled
from tests.events import stream
from tests.scenarios.frames import dial
from tests.scenarios.handshakes import sign_in
from tests.serving import LiveServer, Person

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@pytest.fixture(params=["wire", "plain"])
def adapter(request: pytest.FixtureRequest) -> str:
    """The room is the same under our own protocols and under those of any ASGI server."""
    name: str = request.param
    return name


def get(server: LiveServer, path: str, **more: Any) -> httpx2.Response:
    """An answer that ends by itself."""
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        return client.get(path, **more)


async def test_joining_while_others_talk_misses_and_doubles_nothing(serve: Serve) -> None:
    """Readers come at any time, from any cursor, by replay and live: one log for all."""
    server = serve(publish_rate=0, page_max=7, recent_entries=16)
    ada = server.person("ada")
    ada.create("doc")
    total = 300

    async def talk() -> None:
        async with ada.room("doc") as room:
            for number in range(total):
                await room.publish(number, ref=f"r{number}")

    async def listen(after: int) -> list[int]:
        async with stream(ada, "doc", after=after) as events:
            return [entry.data["seq"] for entry in await events.entries_until(total)]

    talking = asyncio.create_task(talk())
    async with stream(ada, "doc", after=0) as first:
        epoch = (await first.get("welcome"))["epoch"]
        entries = await first.entries_until(40)
        heard = await asyncio.gather(*(listen(after) for after in (0, 1, 20, 40)))
        entries += await first.entries_until(total)
    await talking
    for after, seqs in zip((0, 1, 20, 40), heard, strict=True):
        assert seqs == list(range(after + 1, total + 1))
    assert [entry.id for entry in entries] == [f"{epoch}.{seq}" for seq in range(1, total + 1)]
    assert [entry.data["body"] for entry in entries] == list(range(total))


async def test_client_goes_on_behind_the_last_id(server: LiveServer) -> None:
    """Which goes before the address: a browser repeats the one that it began with."""
    ada = server.person("ada")
    ada.create("doc")
    for number in range(4):
        ada.publish("doc", number)
    async with stream(ada, "doc", tail=2) as events:
        assert (await events.get("welcome"))["after"] == 2
        entries = await events.entries_until(4)
        assert await events.get("live") == {"type": "live", "seq": 4}
    last = {"Last-Event-ID": entries[0].id or ""}
    async with stream(ada, "doc", headers=last, after=0, epoch="another") as events:
        welcome = await events.get("welcome")
        assert (welcome["after"], welcome["recovered"]) == (3, True)
        assert [entry.data["seq"] for entry in await events.entries_until(4)] == [4]
    for place in ({"headers": {"Last-Event-ID": "another.3"}}, {"after": 3, "epoch": "another"}):
        async with stream(ada, "doc", **place) as events:
            assert (await events.get("welcome"))["recovered"] is False


async def test_what_is_not_stored_comes_without_an_id(server: LiveServer) -> None:
    """Signals, read markers, roles, presence: as to everybody else in the room."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("doc", bob="writer")
    async with stream(bob, "doc") as events, ada.room("doc") as room:
        await events.get("live")
        await events.get("presence")
        await room.send("signal", name="typing", body=True)
        assert (await events.get("signal"))["by"]["name"] == "ada"
        await room.send("read", seq=1)
        assert (await events.get("read"))["seq"] == 1
        path = "/items/doc/members/bob"
        await asyncio.to_thread(ada.call, "PUT", path, json={"role": "reader"})
        assert (await events.get("role"))["role"] == "reader"
        assert {event.type for event in events.reader.events if event.id is not None} <= {"member"}
        summary = await asyncio.to_thread(get, server, "/items/doc/presence", headers=shown(bob))
        assert summary.json()["count"] == 2


def shown(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


async def test_rights_that_end_are_told_and_end_the_stream(server: LiveServer) -> None:
    """What would close a socket; the entry of the removal comes before it."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("doc", bob="writer")
    async with stream(bob, "doc") as events:
        await events.get("live")
        await asyncio.to_thread(ada.call, "DELETE", "/items/doc/members/bob")
        *_, removal, closing = await events.rest()
    assert (removal.type, removal.data["role"]) == ("member", None)
    assert closing.type == "closing"
    assert (closing.data["reason"], closing.data["retry"]) == ("removed", "never")
    assert closing.id is None
    problem = get(server, "/items/doc/events", headers=shown(bob))
    assert (problem.status_code, problem.json()["code"]) == (404, "item_not_found")


async def test_password_change_ends_a_stream(server: LiveServer) -> None:
    """By its credential."""
    ada = server.person("ada")
    ada.create("doc")
    async with stream(ada, "doc") as events:
        await events.get("live")
        change = {"current_password": "correct horse battery", "new_password": "x" * 20}
        await asyncio.to_thread(ada.call, "POST", "/auth/password", json=change)
        assert (await events.rest())[-1].data["reason"] == "auth_revoked"


async def test_credential_that_ends_is_told_before_it_does(serve: Serve) -> None:
    """Whoever only listens comes back with another one."""
    server = serve(expiry_notice=2, access_token_ttl=3)
    ada = server.person("ada")
    ada.create("doc")
    async with stream(ada, "doc") as events:
        assert (await events.get("expiring"))["in"] == 2
        assert (await events.rest())[-1].data["reason"] == "auth_expired"


async def test_refusals_are_problems_before_the_stream(serve: Serve) -> None:
    """With their status; what a page or a program did wrong it can read."""
    server = serve(connections_per_user=1)
    ada, eve = server.person("ada"), server.person("eve")
    ada.create("doc")
    path, hers = "/items/doc/events", shown(ada)
    cases: list[tuple[dict[str, str], dict[str, str], int, str]] = [
        ({}, {}, 401, "auth_missing"),
        ({"token": "x"}, {}, 401, "auth_invalid"),
        ({"token": ada.token}, hers, 400, "auth_ambiguous"),
        ({}, shown(eve), 404, "item_not_found"),
        ({"after": "x"}, hers, 400, "malformed"),
        ({"epoch": "e" * 65}, hers, 400, "malformed"),
        ({}, hers | {"Last-Event-ID": "7"}, 400, "malformed"),
        ({}, hers | {"Last-Event-ID": "e" * 65 + ".7"}, 400, "malformed"),
        ({}, hers | {"Last-Event-ID": "e.-7"}, 400, "malformed"),
    ]
    for query, headers, status, code in cases:
        problem = get(server, path, params=query, headers=headers)
        assert (problem.status_code, problem.json()["code"]) == (status, code)
        assert problem.headers["content-type"] == "application/problem+json"
    async with stream(ada, "doc", headers={"Last-Event-ID": ""}) as events:
        await events.get("live")
        problem = await asyncio.to_thread(get, server, path, headers=hers)
        assert (problem.status_code, problem.json()["code"]) == (429, "too_many_connections")
    counted = get(server, "/metrics").text
    assert 'itemroom_sockets_refused_total{code="too_many_connections"} 1.0' in counted


async def test_strangers_are_slowed_as_at_a_socket(serve: Serve) -> None:
    """By their address, after too many."""
    server = serve(handshake_rate=1, handshake_burst=2)
    codes = [get(server, "/items/doc/events").json()["code"] for _ in range(4)]
    assert codes[:2] == ["auth_missing"] * 2
    assert codes[-1] == "rate_limited"


async def test_cookie_counts_for_pages_that_are_ours(serve: Serve) -> None:
    """Another's page must not hold a seat for its visitor, though it could read nothing."""
    server = serve(allowed_origins="https://shop.example")
    ada = server.person("ada")
    ada.create("doc")
    session = {"Cookie": f"itemroom_session={sign_in(server, 'ada')}"}
    url = f"{server.url}/items/doc/events"
    for sender, status in (
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://shop.example"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
    ):
        async with (
            httpx2.AsyncClient(trust_env=False) as client,
            client.stream("GET", url, headers=session | sender) as response,
        ):
            assert response.status_code == status
            if status == 403:
                assert b"origin_denied" in await response.aread()
            allowed = response.headers.get("access-control-allow-origin")
            assert allowed == (sender.get("Origin") if status == 200 else None)


async def test_ticket_opens_one_stream(server: LiveServer) -> None:
    """Once, as it opens a socket."""
    ada = server.person("ada")
    ada.create("doc")
    ticket = ada.call("POST", "/items/doc/tickets").json()["ticket"]
    async with (
        httpx2.AsyncClient(trust_env=False) as client,
        client.stream("GET", f"{server.url}/items/doc/events?ticket={ticket}") as response,
    ):
        assert response.status_code == 200
    again = get(server, f"/items/doc/events?ticket={ticket}")
    assert (again.status_code, again.json()["code"]) == (401, "ticket_used")


async def test_head_has_the_headers_and_takes_no_seat(server: LiveServer) -> None:
    """It is answered at once; OPTIONS says what there is."""
    ada = server.person("ada")
    ada.create("doc")
    head = ada.call("HEAD", "/items/doc/events")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["cache-control"] == "no-store, no-transform"
    assert head.headers["x-accel-buffering"] == "no"
    assert len(server.state.hub.guests) == 0
    assert ada.call("OPTIONS", "/items/doc/events").headers["allow"] == "GET, HEAD, OPTIONS"


async def test_server_that_stops_says_when_to_come_back(serve: Serve) -> None:
    """`restart`, with a wait that a browser obeys by itself; the stop waits for nobody."""
    server = serve(restart_spread=3)
    ada = server.person("ada")
    ada.create("doc")
    async with stream(ada, "doc") as events:
        await events.get("live")
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        closing = (await events.rest())[-1].data
        await stopping
    assert (closing["reason"], closing["retry"]) == ("restart", "later")
    assert events.reader.retry == pytest.approx(closing["retry_after"] * 1000)
    assert 500 <= (events.reader.retry or 0) <= 3500


async def test_client_gone_without_a_word_leaves_the_room(serve: Serve) -> None:
    """Nothing of it is left, while the server goes on."""
    server = serve(presence_grace=0)
    ada = server.person("ada")
    ada.create("doc")
    request = f"GET /items/doc/events?token={ada.token} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with dial(server.url, request.encode()) as raw:
        raw.stream.until(b"event: live")
        assert len(server.state.hub.guests) == 1
        raw.reset()
    while server.state.hub.guests or server.state.hub.rooms:
        await asyncio.sleep(0.01)


async def test_a_stalled_reader_is_bounded_cut_and_catches_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it is its buffer and a page, however much is said; others get everything."""
    most: list[int] = []

    class Measured(EventSocket):
        def send(self, frames: Frames) -> None:
            super().send(frames)
            most.append(self._waiting_bytes)

    monkeypatch.setattr(events_endpoint, "EventSocket", Measured)
    server = serve(stall_timeout=0.5, write_buffer_bytes=16_384, publish_rate=0)
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("doc", bob="reader")
    target = f"/items/doc/events?token={bob.token}&after=0"
    head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    last = 601
    with dial(server.url, head.encode(), receive_buffer=4096) as stalled:
        async with stream(ada, "doc", after=0) as others, ada.room("doc") as room:
            hearing = asyncio.create_task(others.entries_until(last))
            for number in range(last - 1):
                await room.publish("x" * 15_000, ref=f"r{number}")
            assert [one.data["seq"] for one in await hearing] == list(range(1, last + 1))
            while len(server.state.hub.guests) > 2:
                await asyncio.sleep(0.01)
        got = await asyncio.to_thread(seqs_that_came, stalled.stream.more)
    assert got == list(range(1, len(got) + 1))
    assert len(got) < last, "the kernel took everything"
    assert max(most) < 16_384 + 2 * MAX_PAGE_BYTES
    async with stream(bob, "doc", after=len(got)) as again:
        rest = [one.data["seq"] for one in await again.entries_until(last)]
    assert got + rest == list(range(1, last + 1))


def seqs_that_came(more: Any) -> list[int]:
    """Of whole entries, to the end of what came."""
    came, ended = b"", time.monotonic() + scaled(10)
    try:
        while time.monotonic() < ended and (data := more()):
            came += data
    except ConnectionError:
        pass
    return [
        int(seq) for seq in re.findall(rb"\nid: \w+\.(\d+)\nevent: \w+\ndata: [^\n]+\n\n", came)
    ]


async def test_many_events_reach_a_client_through_a_small_buffer(serve: Serve) -> None:
    """Full and drained again and again, a client that reads gets everything and is not cut."""
    server = serve(write_buffer_bytes=4096, stall_timeout=2, publish_rate=0)
    ada = server.person("ada")
    ada.create("doc")
    async with ada.room("doc") as room:
        for number in range(200):
            await room.publish("x" * 8000, ref=f"r{number}")
    async with stream(ada, "doc", after=0) as events:
        seqs = [entry.data["seq"] for entry in await events.entries_until(200)]
        assert seqs == list(range(1, 201))
        assert (await events.get("live"))["seq"] == 200
