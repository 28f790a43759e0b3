"""Which items a webhook is told of."""

import pytest

from api.webhooks.patterns import bounds, is_within


@pytest.mark.parametrize(
    ("pattern", "item", "matches"),
    [
        ("order-*", "order-1", True),
        ("order-*", "order-", True),
        ("order-*", "order-zz:9", True),
        ("order-*", "order", False),
        ("order-*", "orders-1", False),
        ("*", "a", True),
        ("order-1", "order-1", True),
        ("order-1", "order-11", False),
    ],
)
def test_pattern_matches_ids_between_its_bounds(pattern: str, item: str, *, matches: bool) -> None:
    """As the database compares them, as bytes."""
    first, last = bounds(pattern)
    assert (first.encode() <= item.encode() <= last.encode()) is matches


@pytest.mark.parametrize(
    ("pattern", "items", "within"),
    [
        ("order-*", {"order-*"}, True),
        ("order-1*", {"order-*"}, True),
        ("order-1", {"order-*"}, True),
        ("order-1", {"order-1"}, True),
        ("order-*", {"order-1"}, False),
        ("*", {"order-*"}, False),
        ("o*", {"order-*", "*"}, True),
        ("order-1", set(), False),
    ],
)
def test_pattern_is_within_what_a_key_may_see(
    pattern: str, items: set[str], *, within: bool
) -> None:
    """Whole: not some of the items that match."""
    assert is_within(pattern, dict.fromkeys(items)) is within
