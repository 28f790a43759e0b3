"""Databases to back up: one in use, one that nobody has open."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.rights.access import Access, Role
from api.settings import Settings
from tests.databases import database_at
from tests.store.sqlite.databases import run
from tests.stores import Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    database_at(tmp_path / "itemroom.db")
    return Settings(database_url=f"sqlite:///{tmp_path}/itemroom.db", port=0)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """A database in use."""
    async with Store(settings) as store:
        yield store


@pytest.fixture
async def access(store: Store) -> Access:
    """Somebody who may publish, in an item with one message."""
    ada = await store.user("ada")
    await store.item("order-17", {"ada": Role.ADMIN})
    access = await store.access(ada, "order-17")
    await store.publish(access)
    return access


@pytest.fixture
def unused(settings: Settings) -> Path:
    """A database with two items, which nobody has open; the file alone is complete."""
    path = settings.database_path
    values = "VALUES ('a', '', 'life-1', 3, 1, 0, 0), ('b', '', 'life-1', 0, 1, 0, 0)"
    run(path, f"INSERT INTO item (id, title, epoch, head, oldest, created_at, active_at) {values}")
    return path
