"""What tests of the command line share: commands run in this process, servers in their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.settings import Settings
from tests import loggers
from tests.cli.commands import Command
from tests.databases import empty_values, values_in, variables


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a database's settings, and no others, in the environment."""
    for name in [name for name in os.environ if name.startswith("ITEMROOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    for name, value in variables(values_in(tmp_path) | {"port": 0}).items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def empty(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same with a database in which nothing is."""
    for name, value in variables(empty_values(home)).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    if settings.is_in_file:
        settings.database_path.touch()
    return settings


@pytest.fixture
def itemroom(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Runs a command in this process, which keeps its own logging."""
    with loggers.restored():
        yield Command(monkeypatch, capfd)


@pytest.fixture
def settings(home: Path) -> Settings:
    """What the commands read from the environment."""
    return Settings()
