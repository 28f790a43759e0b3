"""One socket for many items under load, cuts and `kill -9`: each item's log as by its own."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from tests.deadlines import scaled
from tests.process import Process
from tests.scenarios.many import Joined, ManyItems
from tests.scenarios.oracle import Run, faults
from tests.scenarios.test_load import read_log
from tests.serving import Person

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
OPEN = {"publish_rate": 0, "handshake_rate": 0, "new_item_burst": 1000, "light_rate": 0}


@pytest.mark.parametrize(
    ("items", "clients", "seconds"),
    [
        pytest.param(20, 3, (0.8, 0.4), id="short"),
        pytest.param(200, 5, (10.0, 10.0, 10.0), id="long", marks=pytest.mark.torture),
    ],
)
async def test_each_item_is_whole_by_one_socket(
    tmp_path: Path, items: int, clients: int, seconds: tuple[float, ...]
) -> None:
    """Nothing that was acked is lost or there twice, whatever is cut, left and joined again."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    names = [f"item-{number}" for number in range(items)]
    many = [
        ManyItems(f"c{number}", {item: Joined() for item in names}, random.Random(seed + number))
        for number in range(clients)
    ]
    token = ""
    for time in seconds:
        with Process(tmp_path, measured=False, **OPEN) as server:
            ada = Person(server, "ada", "", token) if token else new_person(server, names)
            token = ada.token
            async with asyncio.timeout(scaled(time + 60)), asyncio.TaskGroup() as group:
                for client in many:
                    group.create_task(client.run(ada))
                await asyncio.sleep(time)
                server.end(signal.SIGKILL)
    with Process(tmp_path, measured=False, **OPEN) as server:
        ada = Person(server, "ada", "", token)
        heads = {item: head_of(ada, item) for item in names}
        async with asyncio.timeout(scaled(60)), asyncio.TaskGroup() as group:
            for client in many:
                group.create_task(client.run(ada, heads=heads))
        for item in names:
            seen = {client.name: client.items[item].seen for client in many}
            sent = [one for client in many for one in client.items[item].sent.values()]
            assert faults(Run(read_log(ada, item), sent, seen)) == []
    print([(client.connections, client.cuts, client.frames) for client in many])
    assert all(client.cuts for client in many)
    assert sum(len(joined.sent) for joined in many[0].items.values()) > items


def new_person(server: Process, names: list[str]) -> Person:
    """Whose the items are."""
    ada = server.person("ada")
    for item in names:
        ada.create(item)
    return ada


def head_of(person: Person, item: str) -> int:
    """The newest seq of an item."""
    return int(person.call("GET", f"/items/{item}").json()["head"])
