"""Which items a webhook is told of: one by its id, or those whose ids begin alike. Pure."""

from collections.abc import Mapping

# Greater than any letter that an item's id may have.
LAST = "\x7f"


def bounds(pattern: str) -> tuple[str, str]:
    """The first and the last id that could match, compared as bytes."""
    if pattern.endswith("*"):
        return pattern[:-1], pattern[:-1] + LAST
    return pattern, pattern


def is_within(pattern: str, items: Mapping[str, object]) -> bool:
    """Whether whoever is limited to some items, by their ids or beginnings, has all that match."""
    return pattern in items or any(
        key.endswith("*") and pattern.startswith(key[:-1]) for key in items
    )
