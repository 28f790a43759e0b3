import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from itemroom import Client, outbox
from tests.clients.python.shop import ORDERS
from tests.programs.postgresql import Cluster
from tests.serving import PASSWORD, LiveServer, Person


@pytest.fixture
async def ada(server: LiveServer) -> Person:
    """The admin of order-17."""
    ada = await asyncio.to_thread(server.person, "ada")
    ada.create("order-17")
    return ada


@pytest.fixture
def shop(server: LiveServer) -> Iterator[Client]:
    """Somebody with two items."""
    server.person("shop")
    with Client.sign_in(server.url, "shop", PASSWORD) as shop:
        for item in ("order-1", "order-2"):
            shop.create_item(item)
        yield shop


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Of the application's own database."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.database().replace("postgresql:", "postgresql+psycopg:", 1)
    engine = create_engine(url)
    outbox.metadata.create_all(engine)
    ORDERS.metadata.create_all(engine)
    yield engine
    engine.dispose()
