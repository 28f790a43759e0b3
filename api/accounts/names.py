"""What users may be called: usernames that address them, names that are shown of them."""

import re
import unicodedata

from ..errors import Refusal
from ..letters import check_visible

# Lower case alone, so that no two of them differ only in case; and never a colon, which marks
# the usernames of outside users.
USERNAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
OUTSIDE_PREFIX = "ext:"
KEY_USER_PREFIX = "key:"
USERNAME_RULE = (
    "A username has 1 to 64 characters: lower-case letters a-z, digits and . _ - , and begins with "
    "a letter or digit."
)
MAX_NAME_LENGTH = 64

_USERNAME = re.compile(USERNAME_PATTERN.strip("^$"))


def as_username(text: str) -> str:
    """The username that somebody means who has typed this: keyboards add blanks and capitals.

    An outside user's is the host product's own, exactly, but for halves of characters, which no
    name can have. A NUL means nobody: PostgreSQL cannot even be asked for it.
    """
    text = text.strip()
    meant = unicodedata.normalize("NFKC", text).lower()
    if is_username(meant):
        return meant
    return "" if "\0" in text else text.encode(errors="ignore").decode()


def is_username(text: str) -> bool:
    """Whether a local user may have this username."""
    return _USERNAME.fullmatch(text) is not None


def check_username(text: str) -> None:
    """Raise Refusal `bad_request` when no local user may have this username."""
    if not is_username(text):
        raise Refusal("bad_request", USERNAME_RULE)


def new_username(text: str) -> str:
    """The same for a schema, whose own word for it would be a regular expression.

    Raises:
        ValueError: no local user may have this username.
    """
    if not is_username(text):
        raise ValueError(USERNAME_RULE)
    return text


def clean_name(text: str) -> str:
    """A name to show, without the blanks around it.

    Raises:
        ValueError: it is empty, too long, or would not show as what it is.
    """
    name = check_visible(text.strip())
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise ValueError(f"1 to {MAX_NAME_LENGTH} characters")
    return name


def check_name(text: str) -> str:
    """A name to show, cleaned; for callers whose errors are refusals.

    Raises:
        Refusal: `bad_request` for every name that `clean_name` does not take.
    """
    try:
        return clean_name(text)
    except ValueError as error:
        raise Refusal("bad_request", f"A name to show: {error}.") from None
