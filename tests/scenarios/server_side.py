"""What only who runs a server can do, done in its own event loop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from api.history.commands import Call
from api.history.transaction import Transaction
from tests.deadlines import scaled
from tests.serving import LiveServer, Served


def write(server: Served, change: Callable[[Transaction], Any]) -> None:
    """Let the server's writer do something, as an operator's command would; waits for it."""
    assert isinstance(server, LiveServer)
    done = threading.Event()
    errors: list[BaseException | None] = []

    def finished(_: object, error: BaseException | None) -> None:
        errors.append(error)
        done.set()

    _submit(server, Call(change), finished)
    assert done.wait(scaled(10))
    assert errors == [None]


@contextmanager
def held(server: LiveServer) -> Iterator[None]:
    """A write that lasts as long as the block: what comes after it has to wait."""
    release = threading.Event()
    held_up = Call(lambda transaction: release.wait(scaled(10)))
    _submit(server, held_up, lambda result, error: None)
    try:
        yield
    finally:
        release.set()


def _submit(
    server: LiveServer, command: Call[Any], done: Callable[[Any, BaseException | None], None]
) -> None:
    writer = server.state.writer
    writer._loop.call_soon_threadsafe(writer.submit, command, done)
