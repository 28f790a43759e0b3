"""What the scenarios share: nothing that a client does may end up as an error in the log."""

import logging
from collections.abc import Iterator

import pytest


class Errors(logging.Handler):
    """Keeps what was logged as an error, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """Servers run in this process: their errors and those of their tasks are seen here."""
    errors = Errors()
    root = logging.getLogger()
    root.addHandler(errors)
    yield
    root.removeHandler(errors)
    assert errors.lines == []
