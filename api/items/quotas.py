"""How much somebody stores, and how many items they make, over HTTP."""

import time

from ..errors import Refusal
from ..rights.access import Principal
from ..state import State


def count_new_item(state: State, principal: Principal) -> None:
    """Somebody makes an item: an id that was used once is used for ever.

    Raises:
        Refusal: `rate_limited`.
    """
    if principal.credential.kind == "key":
        count_commands(state, principal)
    elif wait := state.new_items.take(principal.id, time.monotonic()):
        raise Refusal("rate_limited", "Too many new items.", retry_after=wait)


def count_commands(state: State, principal: Principal, number: int = 1) -> None:
    """Somebody stores so much: counted by user as a socket counts its publishes, or by key.

    Raises:
        Refusal: `rate_limited`, or `too_big` when it is more than there may ever be at once.
    """
    credential = principal.credential
    is_key = credential.kind == "key"
    buckets, counted = (
        (state.key_commands, credential.id) if is_key else (state.publishes, principal.id)
    )
    if number > buckets.most:
        raise Refusal("too_big", f"{buckets.most:.0f} commands at once are the most.")
    if wait := buckets.take(counted, time.monotonic(), number):
        raise Refusal("rate_limited", retry_after=wait)


def count_text(state: State, principal: Principal, size: int) -> None:
    """Somebody adds so many bytes to a message: counted as on a socket, by user or by key.

    Raises:
        Refusal: `rate_limited`.
    """
    credential = principal.credential
    counted = credential.id if credential.kind == "key" else principal.id
    now = time.monotonic()
    if wait := state.appends.take(counted, now) or state.append_bytes.take(counted, now, size):
        raise Refusal("rate_limited", retry_after=wait)
