"""Servers of one database, perhaps one Redis, and what lies between them and everybody else."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.nodes.commits import Connection, Scissors, carries_hints
from tests.nodes.links import Link, Which, every
from tests.nodes.mishearing import Mishearing
from tests.nodes.serving import Node
from tests.programs.postgresql import Cluster
from tests.programs.redis import Redis
from tests.programs.waiting import until
from tests.serving import Served

NO_DATABASE = "itemroom: The database cannot be used: "
SETTINGS: dict[str, Any] = {
    "publish_rate": 0,
    "handshake_rate": 0,
    "error_rate": 0,
    "connections_per_user": 0,
    "restart_spread": 0,
}


class Front(Served):
    """What people know of the servers: one address."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}"


class Member:
    """One of the servers: its ways to others, and its process, now this one and then another.

    Args:
        kind: of the process that is about to serve; another version's from its next start on.
        directory: its own.
        settings: of it.
        scene: where it belongs.

    Attributes:
        carrier: the way of its hints, a link and which of its connections.
    """

    def __init__(
        self, kind: type[Node], directory: Path, settings: dict[str, Any], scene: "Scene"
    ) -> None:
        self.kind = kind
        self._directory, self._settings = directory, settings
        self._scene = scene
        self.scissors, self.mishearing = Scissors(), Mishearing(scene.dice)
        self.database = Link(lambda: [scene.cluster.port], self._to_postgresql)
        self.carrier: tuple[Link, Which] = self.database, carries_hints
        if redis := scene.redis:
            self.carrier = Link(lambda: [redis.port], self.mishearing.connection), every
        self.node: Node
        self.port: int | None = None
        self.is_running = False

    def start(self) -> None:
        """Blocks until it serves; at the same address each time.

        Again and again while it ends, with a sentence, because there is no database.
        """
        while True:
            try:
                self._start()
            except AssertionError:
                if NO_DATABASE not in self.node.log.splitlines()[-1]:
                    raise
            else:
                return

    @property
    def links(self) -> set[Link]:
        """To all that it uses."""
        return {self.database, self.carrier[0]}

    def _to_postgresql(self) -> Connection:
        by_notify = self._scene.redis is None
        return self.scissors.connection(self.mishearing.ear() if by_notify else None)

    def _start(self) -> None:
        scene = self._scene
        database = _through(scene.database_url, scene.cluster.port, self.database)
        carried = dict(self._settings)
        if redis := scene.redis:
            carried["broker_url"] = _through(redis.url, redis.port, self.carrier[0])
        self.node = self.kind(self._directory, database, port=self.port, **carried)
        self.node.__enter__()
        self.port = self.node.port
        self.is_running = True

    def kill(self) -> None:
        """Blocks until it is gone."""
        self.is_running = False
        self.node.end(signal.SIGKILL)

    def signal(self, which: signal.Signals) -> None:
        """SIGSTOP freezes it, until SIGCONT."""
        self.node.popen.send_signal(which)

    def end(self) -> None:
        """In order, if it runs. Blocks."""
        if self.is_running:
            self.is_running = False
            self.signal(signal.SIGCONT)
            self.node.__exit__()


class Scene:
    """Between `stage` and its end.

    Attributes:
        redis: what carries hints; None: NOTIFY does.
        members: the servers.
        balancer: gives each connection to any of those that run.
    """

    def __init__(self, cluster: Cluster, redis: Redis | None, dice: random.Random) -> None:
        self.cluster, self.redis, self.dice = cluster, redis, dice
        self.database_url = cluster.database()
        self.members: list[Member] = []
        self.balancer = Link(self._ports)

    @property
    def front(self) -> Front:
        """The balancer."""
        return Front(self.balancer.port)

    def _ports(self) -> list[int]:
        running = [member.node.port for member in self.members if member.is_running]
        return self.dice.sample(running, len(running))

    def until_ready(self) -> None:
        """Wait until each server says that reading and writing work."""
        for member in self.members:
            until(partial(_is_ready, member.node))

    def row(self, item: str) -> tuple[int, ...]:
        """The head of an item, the number of its entries, and the greatest seq."""
        entries = "FROM entry WHERE item_key = item.key"
        sql = f"SELECT head, (SELECT count(*) {entries}), (SELECT coalesce(max(seq), 0) {entries})"
        (row,) = self.cluster.run(f"{sql} FROM item WHERE id = '{item}'", self.database_url)
        return tuple(int(str(number)) for number in row)


@asynccontextmanager
async def stage(
    folder: Path,
    cluster: Cluster,
    redis: Redis | None,
    *,
    dice: random.Random,
    count: int,
    kind: type[Node] = Node,
    **settings: Any,
) -> AsyncIterator[Scene]:
    """So many servers, which start at the same time: one of them makes the schema."""
    scene = Scene(cluster, redis, dice)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(scene.balancer)
        for number in range(count):
            directory = folder / f"node-{number}"
            directory.mkdir()
            member = Member(kind, directory, SETTINGS | settings, scene)
            for link in member.links:
                await stack.enter_async_context(link)
            scene.members.append(member)
            stack.push_async_callback(asyncio.to_thread, member.end)
        await asyncio.gather(*(asyncio.to_thread(member.start) for member in scene.members))
        yield scene


def _is_ready(node: Node) -> bool:
    return node.get("/readyz").is_success


def _through(url: str, port: int, link: Link) -> str:
    """An address, by way of a link."""
    return url.replace(f":{port}/", f":{link.port}/")
