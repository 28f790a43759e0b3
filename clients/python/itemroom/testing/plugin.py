"""The fixtures of pytest."""

from collections.abc import Iterator

import pytest

from itemroom.testing.server import Rooms


@pytest.fixture(name="rooms")
def _rooms() -> Iterator[Rooms]:
    """A server for this test alone."""
    with Rooms() as rooms:
        yield rooms
