"""Ids and cursors as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Refusal
from api.items.cursors import Cursor, parse_cursor
from api.items.ids import ITEM_ID_PATTERN, valid_item_id

ITEM_IDS = st.from_regex(ITEM_ID_PATTERN.removesuffix("$") + r"\Z")


@given(st.integers(0, 10**15 - 1), ITEM_IDS)
def test_cursor_read_back_as_written(active_at: int, item_id: str) -> None:
    """Also of ids with dots in them."""
    cursor = Cursor(active_at, item_id)
    assert parse_cursor(str(cursor)) == cursor


@given(st.text(max_size=200))
def test_cursor_of_any_text_refused_or_understood(text: str) -> None:
    """Whatever comes, nothing else is raised."""
    try:
        cursor = parse_cursor(text)
    except Refusal as refusal:
        if refusal.code != "malformed":
            raise
    else:
        assert valid_item_id(cursor.item_id)


@given(ITEM_IDS)
def test_id_of_the_pattern_valid(item_id: str) -> None:
    """Both forms of the rule say the same."""
    assert valid_item_id(item_id)


@pytest.mark.parametrize("text", ["", ".", "-a", "a\n", "a b", "é", "a/b", "x" * 129, "\0", "٣"])
def test_id_beyond_the_pattern_invalid(text: str) -> None:
    """ASCII alone, beginning with a letter or digit, at most 128, and no newline at the end."""
    assert not valid_item_id(text)
