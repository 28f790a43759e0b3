"""What tests of the console share: a browser, and people who sit before it."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.browser import PATIENCE, Windows, anyio_backend, browser, windows
from tests.console.tab import Tab
from tests.serving import LiveServer, Person, Served

__all__ = ["anyio_backend", "browser", "windows"]

expect.set_options(timeout=PATIENCE)

Visit = Callable[..., Awaitable[Tab]]


@pytest.fixture
def visit(windows: Windows) -> Visit:
    """Opens the console of a server in a browser of its own, which nobody is signed in to."""

    async def open_tab(server: Served, path: str = "/", **options: object) -> Tab:
        return Tab(await windows.open(f"{server.url}{path}", **options))

    return open_tab


@pytest.fixture
def ada(server: LiveServer) -> Person:
    """Somebody with a room, `order-17`."""
    ada = server.person("ada")
    ada.create("order-17")
    return ada


@pytest.fixture
async def tab(visit: Visit, server: LiveServer, ada: Person) -> Tab:
    """A page that Ada has signed in to, in her room."""
    tab = await visit(server)
    await tab.arrive(ada, "order-17")
    return tab
