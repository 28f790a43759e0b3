"""What the tests of the log share: a store, without an application."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.rights.access import Access, Role
from api.settings import Settings
from tests.databases import provided
from tests.stores import Store


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """A migrated database; a test may change settings by indirect parameters."""
    return provided(tmp_path, **{"busy_timeout": 0.05} | getattr(request, "param", {}))


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """A running store with an empty database."""
    async with Store(settings) as store:
        yield store


@pytest.fixture
async def access(store: Store) -> Access:
    """A writer's access to an item."""
    principal = await store.user("ada")
    await store.item("doc", {"ada": Role.WRITER})
    return await store.access(principal, "doc")
