"""What tests of the writer do to it: hold it, and look at what it refuses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from api.errors import Refusal
from api.history.commands import Call
from api.history.entries import Kind
from api.history.messages import author_of
from api.history.transaction import Transaction
from api.rights.access import Access
from tests.stores import Store


@contextmanager
def held(store: Store) -> Iterator[None]:
    """Keeps the writer's thread busy, so that commands queue up behind it."""
    entered, leave = threading.Event(), threading.Event()

    def hold(_: Transaction) -> None:
        entered.set()
        leave.wait(10)

    store.writer.submit(Call(hold), lambda _result, _error: None)
    store.writer._handover.end_turn()  # This turn of the event loop waits for it.
    entered.wait(10)
    try:
        yield
    finally:
        leave.set()


def append(access: Access, transaction: Transaction) -> int:
    author = author_of(access.principal)
    return transaction.append(access.item_key, Kind.MESSAGE, author, body=b"1").seq


async def refusal_of(awaitable: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await awaitable
    return caught.value
