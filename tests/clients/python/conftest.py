import asyncio

import pytest

from tests.serving import LiveServer, Person


@pytest.fixture
async def ada(server: LiveServer) -> Person:
    """The admin of order-17."""
    ada = await asyncio.to_thread(server.person, "ada")
    ada.create("order-17")
    return ada
