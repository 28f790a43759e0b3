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
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody with a room, on a server that counts neither handshakes nor messages."""
    directory = tmp_path_factory.mktemp("scenario")
    settings = make_settings(directory, handshake_rate=0, publish_rate=0)
    with LiveServer(settings) as server:
        ada = server.person("ada")
        ada.create("room")
        yield ada
