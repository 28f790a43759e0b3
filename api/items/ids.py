"""What an item's id may look like. Pure."""

import re

ITEM_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
_ITEM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def valid_item_id(text: str) -> bool:
    """Whether there could be an item with this id."""
    return _ITEM_ID.fullmatch(text) is not None


def new_item_id(text: str) -> str:
    """An id that an item may be given.

    Raises:
        ValueError: there could be no item with this id.
    """
    if not valid_item_id(text):
        raise ValueError(
            "An item's id has 1 to 128 characters: letters a-z and A-Z, digits and . _ : - , and "
            "begins with a letter or digit."
        )
    return text
