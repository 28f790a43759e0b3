import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.accounts.names import as_username, check_name, check_username, is_username
from api.errors import Refusal


@pytest.mark.parametrize("text", ["a", "0", "ada", "ada.l_o-v", "a" * 64])
def test_usernames_of_the_form_are_accepted(text: str) -> None:
    """Lower case, digits, and three signs."""
    check_username(text)


@pytest.mark.parametrize(
    "text",
    ["", "Ada", "-ada", "a:b", "ext:ada", "a b", "ada\n", "\nada", "ä", "a" * 65, "٣", "a\0"],
)
def test_other_usernames_are_refused(text: str) -> None:
    """Nothing that could be taken for another user, or for an outside one."""
    assert not is_username(text)
    with pytest.raises(Refusal, match="bad_request"):
        check_username(text)


@pytest.mark.parametrize(
    ("text", "name"), [("Ada", "Ada"), ("  Ada L. ", "Ada L."), ("أدا", "أدا"), ("👩‍🚀", "👩‍🚀")]
)
def test_names_are_shown_without_blanks_around(text: str, name: str) -> None:
    """Any script, and emoji that are several characters."""
    assert check_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "  ", "a" * 65, "a\nb", "a\u202eb", "a\u200b", "\0", "\ud800", "\x1b[1m"]
)
def test_names_that_control_the_text_are_refused(text: str) -> None:
    """Nobody looks like somebody else, or breaks a line of a log."""
    with pytest.raises(Refusal, match="bad_request"):
        check_name(text)


@pytest.mark.parametrize(
    ("typed", "username"),
    [
        ("ada", "ada"),
        (" Ada\n", "ada"),
        ("\uff21\uff24\uff21\uff0eL", "ada.l"),
        ("ﬁnn", "finn"),
        ("Äda", "Äda"),
        ("ext:Team/Ada", "ext:Team/Ada"),
        (" ext:ada ", "ext:ada"),
        ("ada\u200b", "ada\u200b"),
        ("a\ud800", "a"),
        ("\ud800\u00e9", "\u00e9"),
        ("ext:a\0b", ""),
        ("", ""),
    ],
)
def test_username_is_the_one_that_is_meant(typed: str, username: str) -> None:
    """Phones begin with a capital, and input methods have wide letters."""
    assert as_username(typed) == username


@given(st.text())
def test_username_that_is_meant_is_one_spelling(text: str) -> None:
    """Asked twice, it is the same; and the database can look for it."""
    assert as_username(as_username(text)) == as_username(text)
    assert b"\0" not in as_username(text).encode()
