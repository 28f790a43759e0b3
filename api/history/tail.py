"""The end of a text that grows, until it is long enough for a piece of its own. Pure.

With a row for each token, a token of each of a thousand texts is a page each: the disk is given
hundreds of times what was said. In the rows of the texts themselves the ends of a dozen share one.
"""

from dataclasses import dataclass

MAX_TAIL_BYTES = 256


@dataclass(frozen=True, slots=True)
class Text:
    """What is in one part of a message, from a place on."""

    part: int
    at: int
    """Where it begins, in code points."""
    text: bytes
    """UTF-8."""


def grown(tail: Text | None, added: Text) -> tuple[Text | None, list[Text]]:
    """The tail with a text behind it, and what is a piece from now on.

    Args:
        tail: as it was; None: there is none.
        added: begins where its part ends.
    """
    pieces = []
    if tail is not None and tail.part != added.part:
        pieces.append(tail)
        tail = None
    end = added if tail is None else Text(tail.part, tail.at, tail.text + added.text)
    if len(end.text) > MAX_TAIL_BYTES:
        return None, [*pieces, end]
    return end, pieces
