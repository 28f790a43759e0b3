"""How many items a user makes."""

import time

from ..errors import Refusal
from ..rights.access import Principal
from ..state import State


def count_new_item(state: State, principal: Principal) -> None:
    """Somebody makes an item: an id that was used once is used for ever.

    Raises:
        Refusal: `rate_limited`.
    """
    if wait := state.new_items.take(principal.id, time.monotonic()):
        raise Refusal("rate_limited", "Too many new items.", retry_after=wait)
