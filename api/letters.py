"""What may stand in text that people see, compare, and put into addresses. Pure."""

import re

# `\` too: there are servers and proxies for which it is a slash.
_SLASHES = re.compile(r"[/\\]")


def is_addressable(text: str) -> bool:
    """Whether an address can hold the text.

    However it is written, browsers, libraries and proxies take `.` and `..` between slashes for a
    way to somewhere else, `%2e%2e` too; and whoever copies an address loses the blanks at its end.
    """
    return {".", ".."}.isdisjoint(_SLASHES.split(text)) and text == text.strip()


def check_addressable(text: str) -> str:
    """The text, or ValueError when an address cannot hold it; see `is_addressable`."""
    if not is_addressable(text):
        raise ValueError("no . or .. between slashes, and no blanks around it")
    return text


# For a class of characters: controls, line ends, and what turns the direction of what follows on
# every receiver's screen. Not all that Python calls unprintable: the joiner U+200D, without which
# many emoji fall apart, is a format character.
UNRULY = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
# Nothing is seen of these: with one of them a name looks like another, or like none. They are of
# Unicode's Default_Ignorable_Code_Point, and blank letters.
_UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2060-\u2065"
    r"\u206a-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e00ff"
    "\U000e01f0-\U000e0fff"
)
# These shape what stands before them, where it can be shaped.
_JOINER = r"[\u200c\u200d]"
_SELECTORS = r"\ufe00-\ufe0f" "\U000e0100-\U000e01ef"
_FLAG = "\U0001f3f4"  # Of a region, which tags spell.
_TAGS = "\U000e0020-\U000e007f"
# Scripts whose letters join, from Arabic to Myanmar and from Tagalog to Vedic; signs and emoji.
_JOINED = (
    r"\u0600-\u061b\u061d-\u109f\u1700-\u17b3\u17b6-\u180a\u1810-\u1cff\ua800-\uaaff\u00a9\u00ae"
    r"\u203c\u2049\u2122\u2139\u2190-\u27ff\u2900-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff"
)
_HAN = r"\u3400-\u9fff\uf900-\ufaff" "\U00020000-\U0003ffff"
_HIDDEN = rf"{UNRULY}{_UNSEEN}\ud800-\udfff\u200c\u200d{_SELECTORS}{_TAGS}"
_SHAPED = (
    rf"[{_JOINED}][{_SELECTORS}]?(?:{_JOINER}[{_JOINED}][{_SELECTORS}]?)+"
    rf"|[{_JOINED}{_HAN}][{_SELECTORS}]|[0-9#*]\ufe0f\u20e3|{_FLAG}[{_TAGS}]+"
)
_ANY = rf"(?:{_SHAPED}|[^{_HIDDEN}])"
_VISIBLE = re.compile(f"{_ANY}*")
# The same for who reads OpenAPI, but for where a joiner, a selector or a tag has its place: tools
# that make requests of patterns pass over longer ones.
VISIBLE_LINE = {"pattern": f"^[^{UNRULY}{_UNSEEN}]*$"}
VISIBLE_NAME = {"pattern": rf"^[^{UNRULY}{_UNSEEN}]*[^\s{UNRULY}{_UNSEEN}][^{UNRULY}{_UNSEEN}]*$"}


def is_visible(text: str) -> bool:
    """Whether all signs of a line are seen, or shape one that is."""
    return _VISIBLE.fullmatch(text) is not None


def check_visible(text: str) -> str:
    """The text, or ValueError when it is no line whose signs are all seen."""
    if not is_visible(text):
        raise ValueError("no control characters, and no signs that nobody sees")
    return text
