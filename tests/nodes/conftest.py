"""A Redis, started once for a process of tests."""

from collections.abc import Iterator

import pytest

from tests.programs.redis import Redis, redis_server


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server
