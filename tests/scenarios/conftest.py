"""What the scenarios share: nothing that a client does may end up as an error in the log."""

import logging
from collections.abc import Iterator

import pytest

from tests.conftest import make_settings
from tests.serving import LiveServer, Person


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


@pytest.fixture(scope="module")
def lenient_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Counts neither handshakes nor messages; one for all tests of a module."""
    directory = tmp_path_factory.mktemp("scenario")
    with LiveServer(make_settings(directory, handshake_rate=0, publish_rate=0)) as server:
        yield server


@pytest.fixture(scope="module")
def ada(lenient_server: LiveServer) -> Person:
    """Somebody with a room."""
    ada = lenient_server.person("ada")
    ada.create("room")
    return ada
