"""What a command imports before it does anything: a client must not wait for a server's parts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from api import __version__
from tests.cli.commands import Command
from tests.deadlines import scaled
from tests.serving import LiveServer, Person

SERVERS = {"alembic", "fastapi", "httpx2", "jose", "passlib", "sqlalchemy", "sqlmodel", "uvicorn"}
PROGRAM = """
import json, sys
from api.cli import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.fixture
def ada(server: LiveServer) -> Person:
    """The admin of order-17."""
    ada = server.person("ada")
    ada.create("order-17")
    return ada


def imported_by(*arguments: str, **variables: str) -> set[str]:
    """The top-level modules that a command has needed, which does what it should."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_publish_imports_a_client_and_nothing_of_a_server(
    home: Path, server: LiveServer, ada: Person
) -> None:
    """From the first import to the ack; nor what draws tables."""
    access = {"ITEMROOM_URL": server.url, "ITEMROOM_TOKEN": ada.token}
    found = imported_by("publish", "order-17", "hi", **access)
    assert found & (SERVERS | {"rich", "textual", "starlette"}) == set()
    assert "websockets" in found


@pytest.mark.parametrize("command", ["--version", "--help", "publish --help", "user create --help"])
def test_help_imports_nothing_that_works(home: Path, command: str) -> None:
    """Not even a client."""
    assert imported_by(*command.split()) & (SERVERS | {"asyncio", "websockets"}) == set()


def test_version_is_shown(itemroom: Command) -> None:
    """The one of the package."""
    assert itemroom.done("--version") == f"itemroom {__version__}\n"
