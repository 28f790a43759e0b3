"""What the tests of api.security share."""

from collections.abc import Iterator

import pytest

from api.security.tokens import Tokens
from tests.security.forge import Clock, make_tokens
from tests.security.jwks_server import JwksServer, serve


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return make_tokens(clock)


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with serve() as server:
        yield server
