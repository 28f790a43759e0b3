from collections.abc import AsyncIterator, Callable

import pytest

from tests.asking.shop import SECRET, Shop, open_shop
from tests.conftest import Serve
from tests.serving import LiveServer

Ask = Callable[..., LiveServer]


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """Open."""
    async with open_shop() as shop:
        yield shop


@pytest.fixture
def authorizing(serve: Serve, shop: Shop) -> Ask:
    """Starts a server that asks the shop who may come in."""

    def start(**changes: object) -> LiveServer:
        settings: dict[str, object] = {
            "authorize_url": shop.receiver.url,
            "authorize_cookies": ("shop",),
            "authorize_headers": ("x-shop",),
            "ask_secret": SECRET,
        }
        return serve(**settings | changes)

    return start


@pytest.fixture
def reviewing(serve: Serve, shop: Shop) -> Ask:
    """Starts a server that asks the shop what may be said."""

    def start(**changes: object) -> LiveServer:
        settings: dict[str, object] = {"review_url": shop.receiver.url, "ask_secret": SECRET}
        return serve(**settings | changes)

    return start
