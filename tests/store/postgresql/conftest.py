"""Databases of a PostgreSQL that is started once for a process of tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from api.rights.access import Access, Role
from api.settings import Settings
from tests.store.postgresql.cluster import Cluster, binaries
from tests.stores import Store

SECRET = "abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    programs = binaries()
    if programs is None:
        pytest.skip("there is no PostgreSQL")
    with Cluster(programs) as cluster:
        yield cluster


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
