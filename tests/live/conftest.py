import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases import provided
from tests.live.world import World


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """An item with people; settings come by `@pytest.mark.parametrize("world", indirect=True)`."""
    changes = {"presence_grace": 0, "presence_interval": 60} | getattr(request, "param", {})
    world = World(provided(tmp_path, **{"port": 0} | changes))
    await world.begin()
    yield world
    await asyncio.shield(world.finish())
