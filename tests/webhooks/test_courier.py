"""What fails on the way fails once: the next look finds what is due."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from api.errors import Refusal
from api.webhooks import courier, route
from api.webhooks.owners import Alone, Leases, Owners
from tests.outgoing.receiver import receiving
from tests.webhooks.conftest import Shop
from tests.webhooks.hooking import publish, told, until

pytestmark = pytest.mark.anyio


class Once:
    """Fails the first time, then works.

    Args:
        act: what it is otherwise.
        error: what it raises.
    """

    def __init__(self, act: Callable[..., Any], error: Exception) -> None:
        self._act = act
        self._error: Exception | None = error

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._act(*arguments, **named)


@pytest.mark.parametrize(
    ("fault", "logged"),
    [
        ((courier, "load_hooks", Refusal("overloaded")), ""),
        ((courier, "load_hooks", ValueError("?")), "webhooks are not looked at: ValueError"),
        ((route, "due_again", Refusal("overloaded")), ""),
        ((route, "due_among", ValueError("?")), "deliveries failed, and begin anew"),
        ((route, "next_batch", Refusal("database_unavailable")), ""),
        ((route, "promise", Refusal("busy")), ""),
        ((route, "advance", Refusal("storage_full")), ""),
        ((route, "send_batch", ValueError("?")), "a batch of a webhook was not sent"),
    ],
)
async def test_what_fails_once_is_done_by_the_next_look(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: tuple[Any, str, Exception],
    logged: str,
) -> None:
    """Nothing is lost by it, and a fault is in the log."""
    module, name, error = fault
    async with receiving() as receiver:
        await asyncio.to_thread(shop.key.hook, receiver)
        await publish(shop.ada, "order-1", "one")
        await until(lambda: told(receiver, "order-1") == ["one"])
        with caplog.at_level(logging.WARNING, "itemroom.webhooks"):
            monkeypatch.setattr(module, name, Once(getattr(module, name), error))
            await publish(shop.ada, "order-1", "two")
            await until(lambda: told(receiver, "order-1") == ["one", "two"])
            await until(lambda: getattr(module, name)._error is None)
            await until(lambda: logged in caplog.text)
        assert logged or not caplog.records
        # Nothing is left over that would be sent again.
        await publish(shop.ada, "order-1", "three")
        await until(lambda: told(receiver, "order-1") == ["one", "two", "three"])


async def test_more_news_than_are_kept_are_found_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a look at all items."""
    monkeypatch.setattr(route, "MAX_TOLD", 0)
    # No look would come by itself.
    monkeypatch.setattr(route, "RARITY", 1e9)
    async with receiving() as receiver:
        await asyncio.to_thread(shop.key.hook, receiver)
        for item in ("order-1", "order-2"):
            await publish(shop.ada, item, "one")
            await until(lambda item=item: told(receiver, item) == ["one"])  # type: ignore[misc] # mypy cannot infer its type


async def test_nothing_is_sent_while_others_may_have_the_webhook(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that may be over is none."""
    async with receiving() as receiver:
        await asyncio.to_thread(shop.key.hook, receiver)
        asked: list[object] = []

        def may_send(owners: Owners) -> bool:
            asked.append(owners)
            return False

        with monkeypatch.context() as patch:
            for owners in (Alone, Leases):
                patch.setattr(owners, "may_send", property(may_send))
            await publish(shop.ada, "order-1", "one")
            await until(lambda: len(asked) > 1)
            assert receiver.calls == []
        await until(lambda: told(receiver, "order-1") == ["one"])


async def test_batch_that_somebody_else_has_moved_is_not_sent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read anew."""
    async with receiving() as receiver:
        await asyncio.to_thread(shop.key.hook, receiver)

        def moved(*_: Any, **__: Any) -> bool:
            tries.append(receiver.calls[:])
            return False

        tries: list[Any] = []
        with monkeypatch.context() as patch:
            patch.setattr(route, "promise", moved)
            await publish(shop.ada, "order-1", "one")
            await until(lambda: len(tries) > 1)
            assert receiver.calls == []
        await until(lambda: told(receiver, "order-1") == ["one"])
