"""Tries at a secret: each in its turn, and those that fail are counted by all servers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..errors import Refusal
from ..nodes.hints import LoginTried
from ..state import State

T = TypeVar("T")


async def guess(
    state: State, network: str, account: str, attempt: Callable[[], Awaitable[T | None]]
) -> T | None:
    """Make one try when its turn has come. Cancelling is safe.

    Args:
        state: the server.
        network: where it comes from.
        account: what it is a try at.
        attempt: makes it; None: it has failed.

    Raises:
        Refusal: `rate_limited`.
    """
    turn = state.login_throttle.admit(network, account)
    await asyncio.sleep(turn.delay)
    found = await attempt()
    succeeded = found is not None
    if state.nodes is not None:
        state.nodes.broker.send([LoginTried(network, account, succeeded)])
    if succeeded:
        state.login_throttle.succeed(network, account)
        return found
    wait = state.login_throttle.fail(network, account)
    if turn.is_early:
        raise Refusal("rate_limited", "Too many failed tries.", retry_after=wait)
    return None
