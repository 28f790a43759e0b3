"""Handshakes that do not show who comes: counted by address, and slowed beyond a rate.

Counted after the credential was looked at, which costs less than the answer: whoever shows a good
one is let in, whatever others behind the same address do.
"""

import asyncio

from starlette.types import Scope

from ..errors import Refusal
from ..state import state_of
from .scopes import client_network

# What somebody is told who has shown a credential of ours: they are no stranger, and like those
# who are let in they are limited by what they may do.
_KNOWN = frozenset(
    {
        "auth_expired",
        "auth_revoked",
        "item_not_found",
        "item_deleted",
        "removed",
        "forbidden",
        "too_many_connections",
        "rate_limited",
    }
)


def slowed(scope: Scope, refusal: Refusal) -> Refusal:
    """What a handshake is refused with: with `rate_limited`, after too many from its address."""
    if refusal.code in _KNOWN or refusal.verdict.status >= 500:  # The latter are our own fault.
        return refusal
    now = asyncio.get_running_loop().time()
    state = state_of(scope)
    # Whoever comes to every server has as much of each.
    wait = state.handshakes.take(client_network(scope), now, state.servers)
    if not wait:
        return refusal
    message = "Too many handshakes without a good credential from your address."
    return Refusal("rate_limited", message, retry_after=wait)
