import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import make_settings
from tests.live.world import World
from tests.stores import database_at


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """An item with people; settings come by `@pytest.mark.parametrize("world", indirect=True)`."""
    changes = {"presence_grace": 0, "presence_interval": 60} | getattr(request, "param", {})
    database_at(tmp_path / "test.db")
    world = World(make_settings(tmp_path, **changes))
    await world.begin()
    yield world
    await asyncio.shield(world.finish())
