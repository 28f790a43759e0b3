"""Databases of the PostgreSQL that a process of tests starts once."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from api.rights.access import Access, Role
from api.settings import Settings
from tests.programs.postgresql import Cluster
from tests.stores import Store

SECRET = "abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture
def settings(cluster: Cluster) -> Settings:
    """An empty database."""
    url = cluster.database()
    return Settings(database_url=url, secret=SecretStr(SECRET), port=0, reader_threads=2)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    async with Store(settings) as store:
        yield store


@pytest.fixture
async def access(store: Store) -> Access:
    """Somebody who may publish, in an item with no entries."""
    ada = await store.user("ada")
    await store.item("order-17", {"ada": Role.ADMIN})
    return await store.access(ada, "order-17")
