"""Servers of their own processes, which are killed and frozen, and receivers of all kinds."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.settings import Settings
from tests.databases import change, connected, values_in
from tests.nodes.serving import Node
from tests.outgoing.receiver import Call, Receiver, accept, answer, receiving
from tests.process import PATIENCE, Process
from tests.programs.postgresql import Cluster
from tests.programs.waiting import free_port
from tests.serving import Person
from tests.webhooks.hooking import publish, runner, told, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

ITEMS = ("order-1", "order-2", "order-3")
OPEN: dict[str, Any] = {"outgoing_private": True, "publish_rate": 0}


def faults(receiver: Receiver, said: dict[str, list[Any]]) -> list[str]:
    """What a receiver was told other than it should have been."""
    found = []
    bodies: dict[str, set[bytes]] = {}
    for call in receiver.calls:
        bodies.setdefault(call.headers["webhook-id"], set()).add(call.body)
    found += [f"{name} has {len(sent)} bodies" for name, sent in bodies.items() if len(sent) > 1]
    for item, expected in said.items():
        got = told(receiver, item)
        if got != expected:
            found.append(f"{item}: {len(got)} of {len(expected)}, {got[:5]}…")
    return found


async def refuse(call: Call) -> bytes:
    return answer(500)


async def hang(call: Call) -> bytes:
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class Speaker:
    """Publishes in all items, whatever becomes of the server, until it is told to end."""

    person: Person
    said: dict[str, list[Any]]
    more: bool = True

    async def run(self) -> None:
        number = 0
        while self.more:
            item = ITEMS[number % len(ITEMS)]
            if await asyncio.to_thread(self._publish, item, number):
                self.said[item].append(number)
                number += 1

    def _publish(self, item: str, number: int) -> bool:
        """Under a ref, so that one whose answer was lost is stored once."""
        wish = {"body": number, "ref": f"r{number}"}
        try:
            answered = self.person.call("POST", f"/items/{item}/messages", json=wish)
        except httpx2.TransportError:
            return False
        return answered.is_success


async def test_killed_server_sends_what_it_owes_when_it_is_back(tmp_path: Path) -> None:
    """In the middle of deliveries, again and again; each call repeats the same, or is new.

    What hung when the server was killed was not taken, and comes again.
    """
    chosen: dict[str, Any] = {**OPEN, "port": free_port(), "measured": False}
    said: dict[str, list[Any]] = {item: [] for item in ITEMS}
    taken = Receiver()

    async def take(call: Call) -> bytes:
        await asyncio.sleep(0.01)
        taken.calls.append(call)
        return answer(200)

    async with receiving(take) as receiver:
        speaker = talking = None
        for _ in range(3):
            with await asyncio.to_thread(started, tmp_path, **chosen) as server:
                if speaker is None:
                    ada = await asyncio.to_thread(server.person, "ada")
                    for item in ITEMS:
                        await asyncio.to_thread(ada.create, item)
                    hook = await asyncio.to_thread(runner(server).hook, receiver)
                    speaker = Speaker(ada, said)
                    talking = asyncio.create_task(speaker.run())
                await until(more_calls(taken, 20), PATIENCE)
                receiver.answering = hang
                await until(more_calls(receiver, len(ITEMS)), PATIENCE)
                await asyncio.to_thread(server.end, signal.SIGKILL)
                receiver.answering = take
        assert speaker is not None
        assert talking is not None
        with await asyncio.to_thread(started, tmp_path, **chosen) as server:
            speaker.more = False
            await talking
            runs = runner(server)
            await until(lambda: runs.show(hook)["behind"]["entries"] == 0, PATIENCE)
    assert all(len(bodies) > 10 for bodies in said.values())
    assert faults(taken, said) == []
    assert len({call.headers["webhook-id"] for call in receiver.calls}) < len(receiver.calls)


def more_calls(receiver: Receiver, count: int) -> Callable[[], bool]:
    """Whether there are so many more than now."""
    enough = len(receiver.calls) + count
    return lambda: len(receiver.calls) >= enough


def started(folder: Path, **chosen: Any) -> Process:
    server = Process(folder, **chosen)
    server.__enter__()
    return server


async def test_receivers_that_fail_for_an_hour_are_told_all_of_it_later(tmp_path: Path) -> None:
    """One that is down, one that answers 500, one that hangs; the fourth is not delayed."""
    settings = Settings.model_validate(values_in(tmp_path))
    said = {item: list(range(40)) for item in ITEMS}
    async with AsyncExitStack() as stack:
        server = stack.enter_context(Process(tmp_path, measured=False, **OPEN))
        runs = runner(server)
        ada = await asyncio.to_thread(server.person, "ada")
        broken, slow, well = [
            await stack.enter_async_context(receiving(how)) for how in (refuse, hang, accept)
        ]
        for item in ITEMS:
            await asyncio.to_thread(ada.create, item)
        hooks = [await asyncio.to_thread(runs.hook, one) for one in (broken, slow, well)]
        down = await asyncio.to_thread(runs.hook, f"http://127.0.0.1:{free_port()}/hook")
        await asyncio.gather(*(publish(ada, item, *said[item]) for item in ITEMS))
        await until(lambda: not faults(well, said))
        failing = (down, *hooks[:2])
        await until(lambda: all(runs.show(hook)["last_failure"] for hook in failing))
        again = await stack.enter_async_context(receiving())
        await asyncio.to_thread(lambda: runs.change(down, url=again.url))
        for one in (broken, slow):
            one.answering = accept
        hour = "UPDATE webhook_cursor SET next_at = next_at - 3600000"
        await asyncio.to_thread(change, settings, hour)
        for one in (broken, slow, again):
            await until(lambda one=one: not faults(one, said))  # type: ignore[misc] # mypy cannot infer its type


@asynccontextmanager
async def servers(tmp_path: Path, url: str) -> AsyncIterator[Sequence[Node]]:
    """Three of one database."""
    with_names = []
    for name in ("n0", "n1", "n2"):
        folder = tmp_path / name
        folder.mkdir()
        with_names.append((folder, name))
    async with AsyncExitStack() as stack:
        found = []
        for folder, name in with_names:
            node = Node(folder, url, node_name=name, **OPEN)
            found.append(await asyncio.to_thread(stack.enter_context, node))
        try:
            yield found
        finally:
            for node in found:
                # A frozen one would not end.
                node.popen.send_signal(signal.SIGCONT)


def deliverer(url: str, nodes: Sequence[Node]) -> Node | None:
    """Which server has the only webhook."""
    query = "SELECT n.name FROM webhook w JOIN node n ON n.boot = w.server"
    with connected(url) as connection:
        names = [row[0] for row in connection.exec_driver_sql(query)]
    return nodes[int(names[0][1:])] if names else None


async def test_other_server_takes_over(tmp_path: Path, cluster: Cluster) -> None:
    """When the one that delivers is frozen, ends, or is killed; a frozen one does no harm later."""
    url = cluster.database()
    said: dict[str, list[Any]] = {item: [] for item in ITEMS}
    async with servers(tmp_path, url) as nodes, receiving() as receiver:
        ada = await asyncio.to_thread(nodes[0].person, "ada")
        for item in ITEMS:
            await asyncio.to_thread(ada.create, item)
        await asyncio.to_thread(runner(nodes[1]).hook, receiver)
        await tell(ada, said, 5)
        await until(lambda: not faults(receiver, said))
        left = list(nodes)
        for how in (signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
            first = await asyncio.to_thread(deliverer, url, nodes)
            assert first in left
            others = [node for node in left if node is not first]
            os.kill(first.popen.pid, how)
            there = Person(others[0], ada.username, ada.id, ada.token)
            await tell(there, said, 5)
            await until(lambda: not faults(receiver, said))
            assert await asyncio.to_thread(deliverer, url, nodes) in others
            if how == signal.SIGSTOP:
                os.kill(first.popen.pid, signal.SIGCONT)
                await tell(Person(first, ada.username, ada.id, ada.token), said, 5)
                await until(lambda: not faults(receiver, said))
            else:
                left = others


async def tell(person: Person, said: dict[str, list[Any]], count: int) -> None:
    for item in ITEMS:
        new = range(len(said[item]), len(said[item]) + count)
        await publish(person, item, *new)
        said[item] += new


def test_judge_sees_what_is_lost_doubled_or_out_of_order() -> None:
    """Else nothing of this would say anything."""

    def call(name: str, *bodies: int) -> Call:
        entries = [{"type": "message", "body": body} for body in bodies]
        text = f'{{"item":"order-1","entries":{entries}}}'.replace("'", '"')
        return Call("/", {"webhook-id": name}, text.encode())

    def judged(*calls: Call) -> list[str]:
        return faults(Receiver(calls=list(calls)), {"order-1": [1, 2, 3]})

    assert judged(call("a", 1, 2), call("a", 1, 2), call("b", 3)) == []
    assert judged(call("a", 1, 2))
    assert judged(call("b", 3), call("a", 1, 2))
    assert judged(call("a", 1, 2), call("b", 2, 3))
    assert judged(call("a", 1, 2), call("a", 1), call("b", 3))
