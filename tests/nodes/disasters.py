"""What befalls servers, their database and what carries their hints.

Each begins, lasts for so many seconds, and is over when it returns; some are over at once.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.nodes.links import Link, Which, every
from tests.nodes.scene import Scene
from tests.programs.postgresql import Cluster

END_LISTENERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database()
    AND (query LIKE 'LISTEN %' OR query LIKE 'SELECT pg_notify(%')
"""
Disaster = Callable[[Scene, float], Awaitable[None]]
ALL: dict[str, Disaster] = {}


def _disaster(act: Disaster) -> Disaster:
    ALL[act.__name__] = act
    return act


@_disaster
async def server_killed(scene: Scene, seconds: float) -> None:
    """`kill -9`, and another at its address some time later."""
    member = scene.dice.choice(scene.members)
    await asyncio.to_thread(member.kill)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(member.start)


@_disaster
async def server_frozen(scene: Scene, seconds: float) -> None:
    """It wakes up, and knows nothing of what happened meanwhile."""
    member = scene.dice.choice(scene.members)
    member.signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    member.signal(signal.SIGCONT)


@_disaster
async def database_crashed(scene: Scene, seconds: float) -> None:
    """As after a power cut: it recovers from its write-ahead log."""
    await asyncio.to_thread(scene.cluster.stop)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(scene.cluster.start)


@_disaster
async def database_frozen(scene: Scene, seconds: float) -> None:
    """All of its processes stand still, with their locks."""
    processes = family(scene.cluster)
    for process in processes:
        _send(process, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    for process in processes:
        _send(process, signal.SIGCONT)


@_disaster
async def commits_cut(scene: Scene, _seconds: float) -> None:
    """Connections end with a commit that has arrived, or has not, and nobody is told which."""
    scissors = [member.scissors for member in scene.members]
    for one in scissors:
        one.cut(2, arrive=scene.dice.random() < 0.7)
    # Nobody may be at one of them.
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            while any(one.left for one in scissors):
                await asyncio.sleep(0.02)
    for one in scissors:
        one.stop()


@_disaster
async def database_cut_off(scene: Scene, seconds: float) -> None:
    """One server does not reach it, and hears of others all the same."""
    await _cut_off([(scene.dice.choice(scene.members).database, every)], seconds)


@_disaster
async def broker_cut_off(scene: Scene, seconds: float) -> None:
    """One server hears of no others, and stores all the same."""
    await _cut_off([scene.dice.choice(scene.members).carrier], seconds)


@_disaster
async def broker_killed(scene: Scene, seconds: float) -> None:
    """Nobody hears of anybody."""
    if scene.redis is None:
        await _end_listeners(scene, seconds)
        return
    await asyncio.to_thread(scene.redis.stop)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(scene.redis.start)


@_disaster
async def broker_frozen(scene: Scene, seconds: float) -> None:
    """Likewise, and no error says so."""
    if scene.redis is None:
        await _cut_off([member.carrier for member in scene.members], seconds)
        return
    scene.redis.signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    scene.redis.signal(signal.SIGCONT)


@_disaster
async def hints_misheard(scene: Scene, seconds: float) -> None:
    """Half of them are lost, and others come twice or late."""
    for member in scene.members:
        member.mishearing.listen(lost=0.5, doubled=0.15, late=0.2)
    await asyncio.sleep(seconds)
    for member in scene.members:
        member.mishearing.listen()


@_disaster
async def clients_cut(scene: Scene, _seconds: float) -> None:
    """All of them, at once: they come back to others."""
    scene.balancer.cut()
    await asyncio.sleep(0)


async def _cut_off(ways: Sequence[tuple[Link, Which]], seconds: float) -> None:
    for link, which in ways:
        link.stall(which)
    await asyncio.sleep(seconds)
    for link, which in ways:
        link.flow(which)


async def _end_listeners(scene: Scene, seconds: float) -> None:
    """Those sessions of PostgreSQL that carry hints, as soon as they are there."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with suppress(psycopg.OperationalError):  # The database may be away as well.
            await asyncio.to_thread(scene.cluster.run, END_LISTENERS, scene.database_url)
        await asyncio.sleep(0.05)


def family(cluster: Cluster) -> list[int]:
    """The ids of PostgreSQL's processes, the first of which starts the others."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
    return [cluster.pid, *parents.get(cluster.pid, [])]


def _send(process: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # A session that ended meanwhile.
        os.kill(process, which)
