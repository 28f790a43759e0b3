"""`itemroom serve --workers`: servers of one database, and of one port."""

import asyncio
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import WebSocketException

from tests.nodes.serving import SECRET, messages
from tests.process import PATIENCE, Process
from tests.programs.postgresql import Cluster
from tests.programs.waiting import free_port, until
from tests.serving import Person

pytestmark = pytest.mark.anyio


class Company(Process):
    """A server with two workers, and ports where each answers by itself."""

    def __init__(self, directory: Path, database_url: str, **more: Any) -> None:
        self.port, self.first = free_port(), free_port()
        self.arguments = ["--workers", "2", "--worker-ports", str(self.first)]
        super().__init__(
            directory, database_url=database_url, secret=SECRET, port=self.port, **more
        )

    def _holder(self) -> tuple[int | None, str | None]:
        return self.popen.pid, f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("workers")
    settings = {"publish_rate": 0, "node_name": "w", "measured": False}
    with Company(folder, cluster.database(), **settings) as company:
        until(lambda: len(serving(company)) == 2)
        yield company


def test_each_worker_is_a_server_of_its_own(company: Company) -> None:
    """With a name, a log that names it, and a port where its metrics are."""
    for number in range(2):
        until(partial(has_seen_both, company.first + number))
        assert f"itemroom.server #{number}: serving" in company.log


def has_seen_both(port: int) -> bool:
    found = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE)
    return "itemroom_servers 2.0" in found.text


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def serving(company: Company) -> list[int]:
    """The processes of the workers that the log says have begun to serve, the newest last."""
    lines = [line for line in company.log.splitlines() if "serves (process" in line]
    return [int(line.rpartition(" ")[2].rstrip(")")) for line in lines]


async def talk(person: Person, item: str, stop: asyncio.Event, name: str) -> dict[str, int]:
    """Publish until told to stop, on whichever worker; what was acknowledged, by its ref.

    With pauses: a new worker has to get to its start beside the others.
    """
    acked: dict[str, int] = {}
    number = 0
    while not stop.is_set():
        try:
            async with person.room(item) as room:
                while not stop.is_set():
                    ref = f"{name}{number}"
                    answer = await room.publish(ref, ref=ref)
                    if answer["type"] == "ack":
                        acked[ref] = answer["seq"]
                        number += 1
                    await asyncio.sleep(0.02)
        except (WebSocketException, OSError):
            await asyncio.sleep(0.05)
    return acked


@pytest.mark.parametrize("how", ["killed", "replaced"])
async def test_worker_that_goes_takes_nothing_that_was_acknowledged(
    company: Company, how: str
) -> None:
    """Under load: another one comes in its place, and everybody goes on."""
    ada = company.person(f"ada-{how}")
    ada.create(how)
    stop = asyncio.Event()
    talking = [asyncio.create_task(talk(ada, how, stop, name)) for name in "abcd"]
    before = len(serving(company))
    if how == "killed":
        os.kill(serving(company)[-1], signal.SIGKILL)
        wanted = before + 1
    else:
        company.popen.send_signal(signal.SIGHUP)
        wanted = before + 2
    await asyncio.to_thread(until, lambda: len(serving(company)) == wanted)
    await asyncio.sleep(0.2)
    stop.set()
    acked = {ref: seq for one in talking for ref, seq in (await one).items()}
    async with ada.room(how, after=0) as room:
        while len(messages(room)) < len(acked):
            await room.next()
    stored = {entry["ref"]: entry["seq"] for entry in messages(room)}
    assert len(stored) == len(messages(room))
    assert acked.items() <= stored.items()
    assert acked


def test_workers_end_with_whoever_started_them(tmp_path: Path, cluster: Cluster) -> None:
    """However that ended: nobody goes on at the port."""
    with Company(tmp_path, cluster.database(), measured=False) as company:
        until(lambda: len(serving(company)) == 2)
        company.end(signal.SIGKILL)
        for pid in serving(company):
            until(partial(is_gone, pid))
