import logging
from collections.abc import Iterator
from functools import partial

import pytest

from itemroom.core import backoff
from tests.browser import Windows, anyio_backend, browser, windows
from tests.clients.drivers import Program, in_chromium, in_node, in_python
from tests.scenarios.conftest import Errors

__all__ = ["anyio_backend", "browser", "windows"]


@pytest.fixture
def loaded_dice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants to wait for the next connection; driver.mjs does the same in JavaScript."""
    for name in ("FIRST_WAIT", "LONGEST_WAIT"):
        monkeypatch.setattr(backoff, name, getattr(backoff, name) / 50)


@pytest.fixture
def scene(loaded_dice: None) -> Iterator[None]:
    """What all scenarios share: the server, in this process, logs no error."""
    errors = Errors()
    logging.getLogger().addHandler(errors)
    yield
    logging.getLogger().removeHandler(errors)
    assert errors.lines == []


@pytest.fixture(params=["python", "node", "chromium"])
def program(request: pytest.FixtureRequest, scene: None) -> Program:
    """Each client program in turn, for what keeps a server busy."""
    if request.param == "chromium":
        return partial(in_chromium, request.getfixturevalue("windows"))
    return in_python if request.param == "python" else partial(in_node, "ws")


@pytest.fixture
def programs(windows: Windows, scene: None) -> list[Program]:
    """All of them: every scenario is one for all, and they play it at the same time."""
    return [
        in_python,
        partial(in_node, "global"),
        partial(in_node, "ws"),
        partial(in_chromium, windows),
    ]
