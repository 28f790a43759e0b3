"""What a test may not leave behind: levels and handlers of loggers are the process's, not its own.

A server at `info` that was configured in one test fails those that come later in the same worker
and read the log, and only if they come later.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

# pytest's own, which come and go with each phase of a test.
PYTEST = "_pytest."


class Kept(NamedTuple):
    """How a logger is set up."""

    level: int = logging.NOTSET
    handlers: tuple[logging.Handler, ...] = ()
    propagate: bool = True
    disabled: bool = False


def kept() -> dict[str, Kept]:
    """All loggers that differ from a new one, by name; the root's is empty."""
    known = {"": logging.root, **logging.root.manager.loggerDict}
    found = {name: _of(one) for name, one in known.items() if isinstance(one, logging.Logger)}
    return {name: one for name, one in found.items() if one != Kept()}


def changes(before: dict[str, Kept]) -> list[str]:
    """A sentence for each logger that is set up otherwise than it was."""
    after = kept()
    pairs = {
        name: (before.get(name, Kept()), after.get(name, Kept()))
        for name in before.keys() | after.keys()
    }
    return [
        f"logger {name or 'root'!r} was {was}, and is {is_}"
        for name, (was, is_) in sorted(pairs.items())
        if was != is_
    ]


@contextmanager
def restored() -> Iterator[None]:
    """Puts all loggers back after a block that configures logging, as a program does once."""
    before = kept()
    yield
    for name in before.keys() | kept().keys():
        _set_up(logging.getLogger(name or None), before.get(name, Kept()))


def _set_up(logger: logging.Logger, kept: Kept) -> None:
    logger.setLevel(kept.level)
    foreign = [one for one in logger.handlers if not _counts(one)]
    logger.handlers[:] = [*foreign, *kept.handlers]
    logger.propagate = kept.propagate
    logger.disabled = kept.disabled


def _counts(handler: logging.Handler) -> bool:
    """Whether it does anything, and is not pytest's: libraries add null handlers as they load."""
    kind = type(handler)
    return kind is not logging.NullHandler and not kind.__module__.startswith(PYTEST)


def _of(logger: logging.Logger) -> Kept:
    handlers = [one for one in logger.handlers if _counts(one)]
    return Kept(logger.level, tuple(handlers), logger.propagate, logger.disabled)
