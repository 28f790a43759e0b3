"""Which signs have a place where people read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.letters import check_addressable, check_visible, is_addressable, is_visible

# Names, words and emoji that need signs which nobody sees by themselves.
SEEN = [
    "Ada Lovelace",
    "Zoe\u0301",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
    "\u0915\u094d\u200d\u0937",  # Devanagari, with a joiner
    "\u05d0\u05d3\u05d4",
    "\U0001f469\u200d\U0001f4bb",  # a woman with a computer
    "\U0001f469\U0001f3fd\u200d\U0001f680",  # and with a tone of skin
    "\u2764\ufe0f\u200d\U0001f525",
    "\U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f642\u200d\u2194\ufe0f",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England
    "1\ufe0f\u20e3",
    "\u203c\ufe0f",
    "\u8fbb\U000e0100",  # a variant of a Han letter
    "\xa9\ufe0f",
]
UNSEEN = [
    "Ada\u200b",
    "A\u200dda",
    "Ada\u200d",
    "\u200cAda",
    "\u0410\u200d\u0434\u0430",
    "Ada\ufeff",
    "A\u00adda",
    "\u3164",
    "\u2800",
    "\u2060",
    "Ada\u200e",
    "\u061c",
    "Ada\ufe0f",
    "1\ufe0f",
    "Ada\U000e0041",
    "\U000e0067",
    "\U000e0001",
]


@pytest.mark.parametrize("text", SEEN, ids=ascii)
def test_text_whose_signs_are_seen_is_taken(text: str) -> None:
    """Of any script, and emoji of several characters."""
    assert check_visible(text) == text


@pytest.mark.parametrize("text", UNSEEN, ids=ascii)
def test_text_with_signs_that_nobody_sees_is_refused(text: str) -> None:
    """With one, a name looks like another, or like none."""
    with pytest.raises(ValueError, match="no signs that nobody sees"):
        check_visible(text)


@given(st.text(st.characters(categories=["L", "Nd", "P", "Sc"]), min_size=1))
def test_letters_alone_are_seen(text: str) -> None:
    """But for four Korean ones that are blank."""
    blank = {"\u115f", "\u1160", "\u3164", "\uffa0"}
    assert is_visible(text) == blank.isdisjoint(text)


@given(st.text(), st.text())
def test_address_holds_what_it_says(before: str, after: str) -> None:
    """Nothing between slashes leads to somewhere else, and no blank is lost."""
    assert not is_addressable(f"{before}/../{after}")
    if is_addressable(before):
        assert check_addressable(before) == before == before.strip()
        assert not {".", ".."} & set(before.replace("\\", "/").split("/"))
