"""Where the next page of the list of items begins. Pure; opaque to clients.

The list is ordered by activity, and by id among items of the same millisecond: both together are
unique, so no item is left out or comes twice because two were active at once.
"""

import re
from dataclasses import dataclass

from ..errors import Refusal
from .ids import ITEM_ID_PATTERN, valid_item_id

_CURSOR = re.compile(r"([0-9]{1,15})\.(.+)", re.ASCII)
CURSOR_PATTERN = rf"^[0-9]{{1,15}}\.{ITEM_ID_PATTERN.removeprefix('^')}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last item of a page: the next page begins after it."""

    active_at: int
    item_id: str

    def __str__(self) -> str:
        return f"{self.active_at}.{self.item_id}"


def parse_cursor(text: str) -> Cursor:
    """The cursor that an earlier page gave as `next`.

    Raises:
        Refusal: `malformed`.
    """
    match = _CURSOR.fullmatch(text)
    if match is None or not valid_item_id(match[2]):
        raise Refusal("malformed", "`after` takes what an earlier page gave as `next`.")
    return Cursor(int(match[1]), match[2])
