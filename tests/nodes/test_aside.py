"""What a node writes on a connection of its own."""

import asyncio
import threading

import pytest
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import QueuePool

from api.nodes.aside import Aside
from tests.deadlines import scaled

pytestmark = pytest.mark.anyio


async def test_act_that_hangs_beyond_the_end_closes_its_connection() -> None:
    """The pool that would have taken it back is gone by then."""
    engine = create_engine("sqlite://", poolclass=QueuePool, pool_size=1)
    closed = threading.Event()
    event.listen(engine, "close", lambda *_: closed.set())
    event.listen(engine, "invalidate", lambda *_: closed.set())
    began, goes_on = threading.Event(), threading.Event()

    def hang(_: Connection) -> int:
        began.set()
        assert goes_on.wait(scaled(10))
        return 7

    aside = Aside(engine)
    hanging = asyncio.create_task(aside.run(hang))
    assert await asyncio.to_thread(began.wait, scaled(10))
    waiting = asyncio.create_task(aside.run(hang))
    await asyncio.sleep(0)  # It is handed over now.
    aside.close()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert not closed.is_set()
    goes_on.set()
    assert await hanging == 7
    assert await asyncio.to_thread(closed.wait, scaled(10))
