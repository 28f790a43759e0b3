"""What the tests of accounts share: visitors of an application, and a store without one."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from api.security import Passwords
from api.settings import Settings
from api.state import State
from tests.accounts.visitor import Visitor
from tests.databases import provided
from tests.stores import Store

ISSUER_SECRET = "the host product's own secret, shared"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An outside issuer beside our own tokens, on a database that is migrated already."""
    return provided(
        tmp_path,
        issuer="https://product.example",
        issuer_audience="itemroom",
        issuer_secret=ISSUER_SECRET,
    )


Visit = Callable[..., Visitor]


@pytest.fixture
async def visit(app: FastAPI) -> AsyncIterator[Visit]:
    """Opens browsers, each with its own cookies; `address` is where it comes from."""
    state: State = app.state.itemroom
    dear, state.passwords = state.passwords, Passwords(memory_kib=64, rounds=1)
    async with AsyncExitStack() as stack:
        stack.callback(state.passwords.close)

        def open_visitor(address: str = "127.0.0.1", url: str = "http://127.0.0.1") -> Visitor:
            transport = httpx2.ASGITransport(app=app, client=(address, 4711))
            client = httpx2.AsyncClient(transport=transport, base_url=url)
            stack.push_async_callback(client.aclose)
            return Visitor(client)

        yield open_visitor
    state.passwords = dear


@pytest.fixture
async def ada(visit: Visit) -> Visitor:
    """Ada, registered and signed in."""
    visitor = visit()
    await visitor.register("ada")
    await visitor.login("ada")
    return visitor


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """A database with its writer, and no application."""
    async with Store(settings) as store:
        yield store
