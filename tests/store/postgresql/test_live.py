"""`itemroom serve` on PostgreSQL, while one or the other is killed."""

import asyncio
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.settings import Settings
from tests.process import PATIENCE, Process
from tests.programs.postgresql import Cluster
from tests.programs.waiting import until
from tests.serving import Person, entries_until

pytestmark = pytest.mark.anyio


def serve_on(settings: Settings, directory: Path, **more: Any) -> Process:
    """A server on a database that is no file."""
    secret = settings.secret
    assert secret is not None
    return Process(
        directory,
        measured=False,
        database_url=settings.database_url,
        secret=secret.get_secret_value(),
        **more,
    )


def is_ready(server: Process) -> bool:
    return httpx2.get(f"{server.url}/readyz", timeout=PATIENCE).status_code == 200


async def test_people_talk_and_resume_after_the_server_was_killed(
    tmp_path: Path, settings: Settings
) -> None:
    """Nothing acknowledged is lost, and whoever comes back gets what was missed."""
    with serve_on(settings, tmp_path) as first:
        ada, bob = first.person("ada"), first.person("bob")
        ada.create("order-17", bob="writer")
        async with ada.room("order-17") as one, bob.room("order-17") as two:
            assert (await one.publish("hi", ref="a"))["type"] == "ack"
            seen: int = (await two.publish("ho", ref="b"))["seq"]
            assert (await entries_until(one, seen))[-1]["body"] == "ho"
            epoch = one.welcome["epoch"]
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
    with serve_on(settings, tmp_path) as second:
        again = Person(second, "bob", bob.id, bob.token)
        again.publish("order-17", "back")
        async with Person(second, "ada", ada.id, ada.token).room(
            "order-17", after=seen, epoch=epoch
        ) as one:
            assert one.welcome["recovered"]
            assert [entry["body"] for entry in await entries_until(one, seen + 1)] == ["back"]


async def test_postgresql_that_crashes_takes_nothing_that_was_acknowledged(
    tmp_path: Path, settings: Settings, cluster: Cluster
) -> None:
    """Under load: refused meanwhile, and then on as before; who listens misses nothing."""
    with serve_on(settings, tmp_path, publish_rate=0, error_rate=0) as server:
        ada = server.person("ada")
        ada.create("order-17")
        async with ada.room("order-17") as listener:
            stop = asyncio.Event()
            talking = [asyncio.create_task(talk(ada, stop, name)) for name in "abcd"]
            for _ in range(2):
                await entries_until(listener, await head(ada) + 20)
                await asyncio.to_thread(cluster.stop)
                assert not await asyncio.to_thread(is_ready, server)
                await asyncio.to_thread(cluster.start)
                await asyncio.to_thread(until, partial(is_ready, server))
            stop.set()
            acked = {ref: seq for one in talking for ref, seq in (await one).items()}
            last: int = (await asyncio.to_thread(ada.publish, "order-17", "end"))["seq"]
            await entries_until(listener, last)
            heard = [one["seq"] for one in listener.seen if one["type"] == "message"]
    assert heard == list(range(heard[0], last + 1))
    rows = cluster.run("SELECT ref, seq FROM entry", settings.database_url)
    stored = {row[0]: row[1] for row in rows}
    assert acked
    assert {ref: stored.get(ref) for ref in acked} == acked


async def head(person: Person) -> int:
    answer = await asyncio.to_thread(person.call, "GET", "/items/order-17/messages?limit=1")
    return int(answer.json()["head"])


async def talk(person: Person, stop: asyncio.Event, name: str) -> dict[str, int]:
    """Publish until told to stop; what was acknowledged, by its ref."""
    acked: dict[str, int] = {}
    async with person.room("order-17") as room:
        count = 0
        while not stop.is_set():
            count += 1
            await room.send("publish", ref=f"{name}{count}", body=count)
            answer = await room.get("ack", "error")
            if answer["type"] == "ack":
                acked[f"{name}{count}"] = answer["seq"]
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 0.05)
    return acked
