"""An application that has Itemroom mounted, on a real server that knows nothing of it."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from api import Itemroom
from api.callers import Who
from tests.deadlines import scaled
from tests.serving import Served

T = TypeVar("T")
PATH = "/desk/rooms"
# Whom the host's own cookie says, by its value.
KNOWN: dict[str, Who] = {"a": ("1", "Ada"), "b": ("2", "Bob")}


def by_cookie(connection: HTTPConnection) -> Who:
    """As a host does that keeps its users' sessions."""
    return KNOWN.get(connection.cookies.get("desk", ""))


class Host(Served):
    """A running application with rooms at a path."""

    def __init__(self, rooms: Itemroom, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.rooms = rooms
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}{PATH}"
        self.ws_url = self.url.replace("http", "ws", 1)
        self._loop = loop

    async def run(self, call: Coroutine[Any, Any, T]) -> T:
        """What the application's own code does: in its event loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._loop))


@contextmanager
def hosting(rooms: Itemroom, *, starts: bool = True) -> Iterator[Host]:
    """A FastAPI application with rooms, as `uvicorn` runs it.

    Args:
        rooms: mounted.
        starts: whether the application enters their lifespan, as it should.
    """
    app = FastAPI(lifespan=rooms.lifespan if starts else None)
    app.mount(PATH, rooms)
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1)
    server = Recorded(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Host(rooms, port, server.loop)
    finally:
        server.should_exit = True
        thread.join(scaled(20))
        assert not thread.is_alive()


class Recorded(uvicorn.Server):
    """One that tells in which loop it runs."""

    loop: asyncio.AbstractEventLoop

    async def serve(self, sockets: Any = None) -> None:
        """As ever."""
        self.loop = asyncio.get_running_loop()
        await super().serve(sockets)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + scaled(20)
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
