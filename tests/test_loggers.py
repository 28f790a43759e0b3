import io
import logging
from collections.abc import Callable

import pytest

from tests import loggers

NAME = "itemroom.left_behind"
CHANGES: dict[str, Callable[[logging.Logger], object]] = {
    "level": lambda logger: logger.setLevel(logging.INFO),
    "handler": lambda logger: logger.addHandler(logging.StreamHandler(io.StringIO())),
    "not passed on": lambda logger: setattr(logger, "propagate", False),
    "disabled": lambda logger: setattr(logger, "disabled", True),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_test_leaves_behind_is_named(change: Callable[[logging.Logger], object]) -> None:
    """A level, a handler, what is no longer passed on; and it can be taken back."""
    before = loggers.kept()
    logger = logging.getLogger(NAME)
    assert loggers.changes(before) == []
    with loggers.restored():
        change(logger)
        (left,) = loggers.changes(before)
        assert NAME in left
    assert loggers.changes(before) == []


def test_library_that_is_loaded_in_a_test_leaves_nothing_behind() -> None:
    """It adds a handler that does nothing, to its own logger, once in a process."""
    before = loggers.kept()
    logging.getLogger(f"{NAME}.library").addHandler(logging.NullHandler())
    assert loggers.changes(before) == []
