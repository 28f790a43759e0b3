import pytest

from api.accounts.names import check_name, check_username, is_username
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
    "text", ["", "  ", "a" * 65, "a\nb", "a\u202eb", "\0", "\ud800", "\x1b[1m"]
)
def test_names_that_control_the_text_are_refused(text: str) -> None:
    """Nobody looks like somebody else, or breaks a line of a log."""
    with pytest.raises(Refusal, match="bad_request"):
        check_name(text)
