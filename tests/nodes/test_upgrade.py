"""A new version takes the place of an old one, server by server, while people go on."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.nodes import newer
from tests.nodes.gathering import gathered, people
from tests.nodes.scene import Scene, stage
from tests.nodes.serving import Node
from tests.process import PYTHON
from tests.programs.postgresql import Cluster

pytestmark = pytest.mark.anyio


class Newer(Node):
    """A server of the next version."""

    def __init__(self, directory: Path, database_url: str, **more: Any) -> None:
        self.prefix = (*PYTHON, newer.__file__, str(directory.parent / "newer"))
        super().__init__(directory, database_url, **more)


@pytest.mark.timeout(60)
async def test_server_goes_on_beside_the_first_of_a_newer_version(
    tmp_path: Path, cluster: Cluster
) -> None:
    """Which changes the schema under it; and whoever was at the one that it replaced goes on."""
    newer.make_migrations(tmp_path)
    dice = random.Random(17)
    async with stage(tmp_path, cluster, None, dice=dice, count=2) as scene:
        ada, eve = await people(scene)
        everybody = await gathered(scene, "order-17", ada, eve)
        replaced, _ = scene.members
        async with everybody.talking():
            await everybody.go_on()
            await asyncio.to_thread(replaced.end)
            replaced.kind = Newer
            await asyncio.to_thread(replaced.start)
            assert revision(scene) == newer.REVISION
            await everybody.go_on()
            # Connections of before are not all that goes on: so do new ones.
            await asyncio.to_thread(cluster.terminate, scene.database_url)
            await everybody.go_on()
        assert await everybody.faults() == []
        logs = [member.node.log for member in scene.members]
        assert not any(wrong in log for wrong in ("Traceback", "deadlock") for log in logs)


def revision(scene: Scene) -> object:
    """What the database's schema is at."""
    sql = "SELECT version_num FROM alembic_version"
    ((found,),) = scene.cluster.run(sql, scene.database_url)
    return found
