"""The values that commands take."""

import sys
import unicodedata

import pytest
from pydantic import TypeAdapter, ValidationError

from api.history.words import (
    NewReactionValue,
    ReactionValue,
    Ref,
    check_showable,
    is_showable,
    showable,
)

REF: TypeAdapter[str] = TypeAdapter(Ref)
REACTION: TypeAdapter[str] = TypeAdapter(ReactionValue)
NEW_REACTION: TypeAdapter[str] = TypeAdapter(NewReactionValue)


@pytest.mark.parametrize("text", ["a", "x" * 64, "a1-Ä", "\N{FIRE}", "0198c0de-0000"])
def test_ref_of_printable_text_taken(text: str) -> None:
    """Whatever ids a client has."""
    assert REF.validate_python(text) == text


@pytest.mark.parametrize("text", ["", "x" * 65, "a\n", "\0", "\u202e", "\ud800"], ids=ascii)
def test_ref_of_other_text_refused(text: str) -> None:
    """A ref stands in logs and terminals."""
    with pytest.raises(ValidationError):
        REF.validate_python(text)


@pytest.mark.parametrize("text", ["👍", "👩‍💻", "❤️", "+1", "a b", "x" * 32])
def test_reaction_of_any_emoji_taken(text: str) -> None:
    """Many emoji are several characters, joined by one that Python calls unprintable."""
    assert REACTION.validate_python(text) == text


@pytest.mark.parametrize(
    "text", ["", "x" * 33, "a\n", "\0", "\x7f", "\u2028", "\u202e", "\u2066", "\ud800"], ids=ascii
)
def test_reaction_of_controls_refused(text: str) -> None:
    """Nothing that breaks or turns a line."""
    with pytest.raises(ValidationError):
        REACTION.validate_python(text)


def test_text_that_people_read_may_be_empty() -> None:
    """Length is the business of who uses it."""
    assert check_showable("") == ""


@pytest.mark.parametrize(
    "text", [".", "..", "a/..", "./a", "..\\a", " ", " a", "a\u2003"], ids=ascii
)
def test_reaction_that_no_address_can_hold_is_only_taken_back(text: str) -> None:
    """Rows from before the rule would otherwise stay for ever."""
    assert REACTION.validate_python(text) == text
    with pytest.raises(ValidationError):
        NEW_REACTION.validate_python(text)


@pytest.mark.parametrize("text", [":/", "1/2", "...", "a..b", "%2e%2e", "?", "#", "\\o/"])
def test_reaction_that_an_address_can_hold_is_taken(text: str) -> None:
    """Encoded, all of these stay what they are."""
    assert NEW_REACTION.validate_python(text) == text


def test_showable_is_all_but_controls_and_changes_of_direction() -> None:
    """One search instead of a look at each letter: it finds the same letters."""
    categories, directions = {"Cc", "Cs", "Zl", "Zp"}, {"LRE", "RLE", "PDF", "LRO", "RLO"}
    directions |= {"LRI", "RLI", "FSI", "PDI"}
    for letter in map(chr, range(sys.maxunicode + 1)):
        refused = unicodedata.category(letter) in categories
        refused |= unicodedata.bidirectional(letter) in directions
        assert is_showable(f"a{letter}b") is not refused, ascii(letter)
        assert showable(letter) == ("\N{REPLACEMENT CHARACTER}" if refused else letter)
