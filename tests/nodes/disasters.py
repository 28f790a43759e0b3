"""What befalls servers, their database and what carries their hints: one thing at a time.

Each begins, lasts for a moment, and is over when it returns.
"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from tests.nodes.links import Link
from tests.nodes.scene import Scene
from tests.programs.postgresql import Cluster

Disaster = Callable[[Scene, random.Random], Awaitable[None]]
# Seconds for which something is frozen, cut off or mangled; the share of those that last long.
SHORT, LONG = (0.2, 1.0), (1.0, 6.0)
LASTING = 0.1
ALL: dict[str, Disaster] = {}


def _disaster(act: Disaster) -> Disaster:
    ALL[act.__name__] = act
    return act


async def _moment(dice: random.Random) -> None:
    """Mostly a short one: what lasts for seconds takes as long to be tried."""
    await asyncio.sleep(dice.uniform(*(LONG if dice.random() < LASTING else SHORT)))


@_disaster
async def server_killed(scene: Scene, dice: random.Random) -> None:
    """`kill -9`, and another at its address some time later."""
    member = dice.choice(scene.members)
    await asyncio.to_thread(member.kill)
    await _moment(dice)
    await asyncio.to_thread(member.start)


@_disaster
async def server_frozen(scene: Scene, dice: random.Random) -> None:
    """It wakes up, and knows nothing of what happened meanwhile."""
    member = dice.choice(scene.members)
    member.signal(signal.SIGSTOP)
    await _moment(dice)
    member.signal(signal.SIGCONT)


@_disaster
async def database_crashed(scene: Scene, dice: random.Random) -> None:
    """As after a power cut: it recovers from its write-ahead log."""
    await asyncio.to_thread(scene.cluster.stop)
    await _moment(dice)
    await asyncio.to_thread(scene.cluster.start)


@_disaster
async def database_frozen(scene: Scene, dice: random.Random) -> None:
    """All of its processes stand still, with their locks."""
    processes = family(scene.cluster)
    for process in processes:
        _send(process, signal.SIGSTOP)
    await _moment(dice)
    for process in processes:
        _send(process, signal.SIGCONT)


@_disaster
async def commits_cut(scene: Scene, dice: random.Random) -> None:
    """Connections end with a commit that has arrived, or has not, and nobody is told which."""
    scissors = [member.scissors for member in scene.members]
    for one in scissors:
        one.cut(2, arrive=dice.random() < 0.7)
    # Nobody may be at one of them.
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            while any(one.left for one in scissors):
                await asyncio.sleep(0.02)
    for one in scissors:
        one.stop()


@_disaster
async def database_cut_off(scene: Scene, dice: random.Random) -> None:
    """One server does not reach it, and hears of others all the same."""
    await _cut_off(dice.choice(scene.members).database, dice)


@_disaster
async def broker_cut_off(scene: Scene, dice: random.Random) -> None:
    """One server hears of no others, and stores all the same."""
    await _cut_off(dice.choice(scene.members).broker, dice)


@_disaster
async def broker_killed(scene: Scene, dice: random.Random) -> None:
    """Nobody hears of anybody."""
    await asyncio.to_thread(scene.redis.stop)
    await _moment(dice)
    await asyncio.to_thread(scene.redis.start)


@_disaster
async def broker_frozen(scene: Scene, dice: random.Random) -> None:
    """Likewise, and no error says so."""
    scene.redis.signal(signal.SIGSTOP)
    await _moment(dice)
    scene.redis.signal(signal.SIGCONT)


@_disaster
async def hints_misheard(scene: Scene, dice: random.Random) -> None:
    """Half of them are lost, and others come twice or late."""
    for member in scene.members:
        member.mishearing.listen(lost=0.5, doubled=0.15, late=0.2)
    await _moment(dice)
    for member in scene.members:
        member.mishearing.listen()


@_disaster
async def clients_cut(scene: Scene, dice: random.Random) -> None:
    """All of them, at once: they come back to others."""
    scene.balancer.cut()
    await asyncio.sleep(0)


async def _cut_off(link: Link, dice: random.Random) -> None:
    link.stall()
    await _moment(dice)
    link.flow()


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
