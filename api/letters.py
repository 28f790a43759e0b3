"""What may stand in text that people see, compare, and put into addresses. Pure."""

import re

# `\` too: there are servers and proxies for which it is a slash.
_SLASHES = re.compile(r"[/\\]")


def is_addressable(text: str) -> bool:
    """Whether an address can hold the text; see `check_addressable`."""
    try:
        check_addressable(text)
    except ValueError:
        return False
    return True


def check_addressable(text: str) -> str:
    """The text, or ValueError when an address cannot hold it.

    However it is written, browsers, libraries and proxies take `.` and `..` between slashes for a
    way to somewhere else, `%2e%2e` too; and whoever copies an address loses the blanks at its end.
    """
    if not {".", ".."}.isdisjoint(_SLASHES.split(text)):
        raise ValueError("no . or .. between slashes")
    if text != text.strip():
        raise ValueError("no blanks around it")
    return text
