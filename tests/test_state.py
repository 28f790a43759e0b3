"""The small parts of a server's state that are no module of their own."""

import asyncio

import pytest

from api.live.sockets import Sockets
from tests.deadlines import scaled

pytestmark = pytest.mark.anyio


async def test_waiting_for_no_sockets_ends_with_the_last_one() -> None:
    """Not before; without any there is nothing to wait for."""
    sockets = Sockets()
    await sockets.wait_empty()
    sockets.opened()
    sockets.opened()
    waiting = asyncio.create_task(sockets.wait_empty())
    sockets.closed()
    await asyncio.sleep(0)
    assert not waiting.done()
    sockets.closed()
    async with asyncio.timeout(scaled(5)):
        await waiting
