"""Whoever else has the database that a command is given."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from api.settings import Settings
from api.store.failures import Held
from api.store.store import Store, store_of
from tests.deadlines import scaled

# Seconds: what has ended may not be noticed yet by a database server.
PATIENCE = scaled(10.0)


@contextmanager
def held(settings: Settings, url: str | None) -> Iterator[Store]:
    """A server that serves there, or a command, as long as the block runs."""
    store = store_of(settings)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            store.open(url=url)
        except Held:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            break
    try:
        yield store
    finally:
        store.close()


def url_of_server(settings: Settings) -> str | None:
    """Where the database is served; None: nowhere, as far as is known."""
    return store_of(settings).holder()[1]
