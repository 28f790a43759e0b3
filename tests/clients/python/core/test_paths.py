"""Values in paths, and what libraries make of the addresses."""

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from itemroom import Refused
from itemroom.core.paths import item_segment, last_segment, segment

ODD = ["", ".", "..", "a/..", "../a", "a/./b", "..\\a", "\ud800"]
# What anybody may type, and what makes paths what they are.
VALUES = st.text() | st.text(alphabet="./\\%2eE?#:;a \n", max_size=8)


def parts_of(path: str) -> list[str]:
    """The path's pieces as a request line has them, once the library is done with it."""
    return httpx2.URL(f"http://localhost/rooms{path}").raw_path.decode().split("/")


@given(value=VALUES)
def test_value_stays_one_piece_of_its_path_or_is_refused(value: str) -> None:
    """Nothing that a person types goes up, ends the path, or begins a query."""
    for quoted in (last_segment, segment):
        try:
            piece = quoted(value)
        except Refused:
            continue
        parts = parts_of(f"/items/a/members/{piece}")
        assert parts == ["", "rooms", "items", "a", "members", piece]
        assert httpx2.URL(f"http://localhost/{piece}").path == f"/{value}"


@pytest.mark.parametrize("value", ODD)
def test_value_that_leads_elsewhere_is_refused(value: str) -> None:
    """With a sentence; the server never hears of it."""
    for quoted in (last_segment, segment):
        with pytest.raises(Refused, match="bad_request: This "):
            quoted(value)


def test_slash_is_refused_before_the_end_of_a_path() -> None:
    """The server cannot tell it from one that parts pieces."""
    assert last_segment("ext:a/b") == "ext:a%2Fb"
    with pytest.raises(Refused, match="bad_request"):
        segment("1/reactions/x")


@pytest.mark.parametrize("item", [*ODD, "a/b", "a/messages/1", "-a", "a b", "a\n", "x" * 129])
def test_id_of_no_item_is_refused(item: str) -> None:
    """As the server would."""
    with pytest.raises(Refused, match="item_not_found"):
        item_segment(item)
