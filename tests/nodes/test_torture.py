"""Three servers, people of all kinds who talk without pause, and one disaster after another."""

import asyncio
import os
import random
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.clients.drivers import in_node, in_python
from tests.deadlines import scaled
from tests.nodes import broken, disasters
from tests.nodes.gathering import Gathering, gathered, people
from tests.nodes.scene import Scene, stage
from tests.nodes.serving import Broken
from tests.programs.postgresql import Cluster
from tests.programs.redis import Redis

pytestmark = pytest.mark.anyio

ROUNDS = int(os.environ.get("ITEMROOM_TORTURE_ROUNDS", "8"))
SHORT_SEED = 17
ITEM = "order-17"
GIVEN_UP = "database_unavailable"
NOT_TOLD = "nodes are told later"
# Seconds: servers close all connections when the database has said nothing for ten.
LONGEST = 14.0
# The short form has all with one carrier or the other: with NOTIFY those of the carrier, and
# those that take hints along there. The long one has all with both.
CARRIERS = {"broker_cut_off", "broker_frozen", "broker_killed", "hints_misheard"}
OF_THE_DATABASE = {"database_crashed", "database_cut_off"}
# What is sure to last that long in every third round.
HANGS = ("database_frozen", "server_frozen")
HANGING = (12.0, LONGEST)
Blow = tuple[tuple[str, float], ...]
"""Disasters that come at the same time, each with the seconds for which it lasts."""


@pytest.fixture(params=["redis", "notify"])
def carrier(request: pytest.FixtureRequest) -> Redis | None:
    """What carries hints; None: PostgreSQL."""
    return request.getfixturevalue("redis") if request.param == "redis" else None


async def tortured(scene: Scene, rounds: Sequence[Sequence[Blow]]) -> list[str]:
    """What the judge says of people who go on through all that."""
    ada, eve = await people(scene)
    found = []
    reasons = set()
    async with in_python("") as python, in_node("global", "") as node:
        for number, blows in enumerate(rounds):
            drivers = {"python": python, "node": node}
            everybody = await gathered(scene, f"order-{number}", ada, eve, drivers)
            async with everybody.talking():
                await everybody.go_on()
                for blow in blows:
                    await suffer(scene, blow)
                    await everybody.go_on()
            found += await everybody.faults()
            reasons |= everybody.reasons
            print(everybody.story(), flush=True)
    longest = max(seconds for blows in rounds for blow in blows for _, seconds in blow)
    if longest >= HANGING[0] and GIVEN_UP not in reasons:
        found.append(f"nobody was told of a database that hung; only {reasons}")
    return found


async def suffer(scene: Scene, blow: Blow) -> None:
    """What comes at the same time."""
    print(", ".join(f"{name} ({seconds:.1f} s)" for name, seconds in blow), flush=True)
    await asyncio.gather(*(disasters.ALL[name](scene, seconds) for name, seconds in blow))


def short(dice: random.Random, names: Collection[str]) -> list[Blow]:
    """Each of them once, by itself, and soon over."""
    return [((name, dice.uniform(0.2, 1)),) for name in dice.sample(sorted(names), len(names))]


def long(dice: random.Random, *, hangs: bool) -> list[Blow]:
    """One or two at a time, until each was there; some last until servers or clients give up.

    Args:
        dice: decides.
        hangs: the database stands still until servers give it up, and a server, each by itself.
    """
    names = dice.sample(sorted(disasters.ALL), len(disasters.ALL))
    blows: list[Blow] = []
    if hangs:
        names = [name for name in names if name not in HANGS]
        blows += [((name, dice.uniform(*HANGING)),) for name in HANGS]
    while names:
        count = min(dice.choice([1, 1, 2]), len(names))
        lasting = [_lasting(dice) for _ in range(count)]
        blows.append(tuple(zip([names.pop() for _ in range(count)], lasting, strict=True)))
    return blows


def _lasting(dice: random.Random) -> float:
    """Mostly a short time."""
    return min(dice.uniform(0.2, LONGEST), dice.uniform(0.2, LONGEST))


@pytest.mark.timeout(90)
async def test_everything_is_stored_once_and_in_order_whatever_happens(
    tmp_path: Path, cluster: Cluster, carrier: Redis | None
) -> None:
    """To servers, the database, the broker, and all connections between them."""
    dice = random.Random(SHORT_SEED)
    names = disasters.ALL.keys() - OF_THE_DATABASE if carrier else CARRIERS | OF_THE_DATABASE
    count = 3 if carrier else 2
    await endure(tmp_path, cluster, carrier, [short(dice, names)], dice, count=count)


@pytest.mark.torture
@pytest.mark.timeout(150 * ROUNDS)
async def test_everything_is_stored_once_and_in_order_for_a_long_time(
    tmp_path: Path, cluster: Cluster, carrier: Redis | None
) -> None:
    """Whatever happens, two things at once now and then, and until servers give up."""
    seed = int(os.environ.get("ITEMROOM_TORTURE_SEED", random.randrange(2**32)))
    print(f"ITEMROOM_TORTURE_SEED={seed}")
    dice = random.Random(seed)
    rounds = [long(dice, hangs=number % 3 == 0) for number in range(ROUNDS)]
    await endure(tmp_path, cluster, carrier, rounds, dice)


async def endure(
    folder: Path,
    cluster: Cluster,
    carrier: Redis | None,
    rounds: Sequence[Sequence[Blow]],
    dice: random.Random,
    *,
    count: int = 3,
) -> None:
    """All of that happens, does something, and breaks nothing."""
    async with stage(folder, cluster, carrier, dice=dice, count=count) as scene:
        assert await tortured(scene, rounds) == []
        assert all("Traceback" not in member.node.log for member in scene.members)
        # What does nothing to anybody would prove nothing.
        assert any(NOT_TOLD in member.node.log for member in scene.members)
        assert any(member.mishearing.done for member in scene.members)
        if any(name == "commits_cut" for blows in rounds for blow in blows for name, _ in blow):
            assert any(member.scissors.done for member in scene.members)


@pytest.mark.torture
@pytest.mark.timeout(90)
async def test_people_of_a_dead_server_leave(
    tmp_path: Path, cluster: Cluster, redis: Redis
) -> None:
    """Within twenty seconds everywhere, with hints lost; whoever is elsewhere as well stays."""
    dice = random.Random(SHORT_SEED)
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(stage(tmp_path, cluster, redis, dice=dice, count=3))
        ada, eve = await people(scene)
        await asyncio.to_thread(partial(ada.create, ITEM, eve="reader"))
        dead, *others = scene.members
        nodes = [member.node for member in others]
        for person, node in ((eve, dead.node), (ada, dead.node), *((ada, node) for node in nodes)):
            await stack.enter_async_context(replace(person, server=node).room(ITEM))

        async def shown() -> list[set[str]]:
            path = f"/items/{ITEM}/presence"
            calls = [partial(replace(ada, server=node).call, "GET", path) for node in nodes]
            answers = [await asyncio.to_thread(call) for call in calls]
            return [{user["id"] for user in answer.json()["users"]} for answer in answers]

        for expected in ({ada.id, eve.id}, {ada.id}):
            async with asyncio.timeout(scaled(20)):
                while await shown() != [expected, expected]:
                    await asyncio.sleep(0.1)
            for member in others:
                member.mishearing.listen(lost=1)
            if dead.is_running:
                await asyncio.to_thread(dead.kill)


# What the judge says of each, among others.
SAID = {
    "trusts_hints": "did not see each entry once and in order",
    "forgets_to_bump": "may not write",
    "relies_on_hints": "has seen entries up to",
    "stores_without_versions": "begun after its token had ended",
    "tells_what_is_in_doubt": "saw what the log does not have",
    "changes_no_message": "a server lists other messages than the log has",
    "shows_what_was_deleted": "which after",
}
# What NOTIFY, which carries numbers alone, cannot do.
BY_BODIES = {"trusts_hints"}
# Trials until that is said, and seconds within which servers that are well are seen to be it.
TRIALS = 20
HEALED = 6.0


@pytest.mark.timeout(60)
async def test_servers_that_break_promises_are_found_out(
    tmp_path: Path, cluster: Cluster, redis: Redis
) -> None:
    """By the same judge, which finds nothing where nothing is broken; one of them."""
    await find_out(tmp_path, cluster, redis, list(SAID)[:1])


@pytest.mark.torture
@pytest.mark.timeout(240)
async def test_all_servers_that_break_promises_are_found_out(
    tmp_path: Path, cluster: Cluster, carrier: Redis | None
) -> None:
    """Likewise, whatever carries hints."""
    names = [name for name in SAID if carrier or name not in BY_BODIES]
    await find_out(tmp_path, cluster, carrier, names)


async def find_out(
    folder: Path, cluster: Cluster, carrier: Redis | None, names: Sequence[str]
) -> None:
    """Break one thing after the other, until that is said of it; in the end nothing."""
    assert set(SAID) == {breaks.__name__ for breaks in broken.BREAKS}
    dice = random.Random(SHORT_SEED)
    async with stage(folder, cluster, carrier, dice=dice, count=2, kind=Broken) as scene:
        ada, eve = await people(scene)
        for name in names:
            (folder / "broken").write_text(name)
            patience = HEALED if name == "relies_on_hints" else 0.5
            for trial in range(TRIALS):
                everybody = await gathered(scene, f"{name}-{trial}", ada, eve)
                found = await misunderstood(scene, everybody, patience)
                print(name, trial, found[:3], everybody.story(), flush=True)
                if any(SAID[name] in fault for fault in found):
                    break
            else:
                pytest.fail(f"what {name} is not found out")
        (folder / "broken").unlink()
        everybody = await gathered(scene, "well", ada, eve)
        assert await misunderstood(scene, everybody, scaled(HEALED)) == []


async def misunderstood(scene: Scene, everybody: Gathering, patience: float) -> list[str]:
    """What the judge says when commits do not arrive, and hints go astray, in the end all."""
    async with everybody.talking(patience):
        for member in scene.members:
            member.mishearing.listen(lost=0.6, doubled=0.1, late=0.2)
            member.scissors.cut(2, arrive=False)
        await asyncio.sleep(1)
        for member in scene.members:
            member.mishearing.listen(lost=1)
        for _ in range(3):
            await asyncio.sleep(0.3)
            # Who comes back is given what was missed, by a server that has missed something, too.
            scene.balancer.cut()
        await asyncio.sleep(0.3)
    for member in scene.members:
        member.mishearing.listen()
        member.scissors.stop()
    return await everybody.faults()
