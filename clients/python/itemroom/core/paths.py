"""Paths of REST calls: whatever an application's values hold, they cannot name something else."""

import re
from urllib.parse import quote

from itemroom.core.errors import Refused

_ITEM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
# `\\` too: there are servers and proxies for which it is a slash.
_SLASHES = re.compile(r"[/\\]")


def item_segment(item: str) -> str:
    """An item's id in a path.

    Raises:
        Refused: `item_not_found`, as the server says of an id that no item can have.
    """
    if not _ITEM_ID.fullmatch(item):
        sentence = "An item's id has 1 to 128 letters, digits and . _ : - characters."
        raise Refused("item_not_found", sentence)
    return quote(item, safe=":")


def segment(value: object) -> str:
    """A value in the middle of a path, such as a message's seq.

    Raises:
        Refused: `bad_request`. The server takes a slash for one, however it is written.
    """
    text = str(value)
    if _SLASHES.search(text):
        raise Refused("bad_request", "This cannot be a part of an address: it holds a slash.")
    return last_segment(text)


def last_segment(value: str) -> str:
    """A value at the end of a path, such as a reaction, which may hold slashes.

    Raises:
        Refused: `bad_request`, for what would lead to somewhere else: nothing at all, and `.` and
            `..`, also when they are encoded.
    """
    if value == "" or not {".", ".."}.isdisjoint(_SLASHES.split(value)):
        sentence = "This cannot be a part of an address: it is empty, or has . or .. in it."
        raise Refused("bad_request", sentence)
    try:
        return quote(value, safe=":")
    except UnicodeEncodeError as error:
        raise Refused("bad_request", "This is no Unicode text: half a character.") from error
