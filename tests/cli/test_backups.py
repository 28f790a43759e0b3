import json
import threading
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from api.store.schema import configuration
from tests.cli.commands import Command
from tests.conftest import Serve

# PostgreSQL has tools of its own, and says so.
pytestmark = pytest.mark.sqlite


def test_backup_beside_a_server_is_restored_when_it_has_stopped(
    itemroom: Command, serve: Serve, home: Path
) -> None:
    """The whole way: copy under load, refuse while it runs, put back, start again."""
    server = serve()
    ada = server.person("ada")
    ada.create("order-17")
    stop = threading.Event()
    published: list[int] = []

    def load() -> None:
        while not stop.is_set():
            published.append(ada.publish("order-17", "hello")["seq"])

    thread = threading.Thread(target=load)
    thread.start()
    try:
        while len(published) < 5:
            thread.join(0.01)
        counts = itemroom.done("backup", str(home / "backup"))
    finally:
        stop.set()
        thread.join()
    assert counts.startswith(f"{home / 'backup'}: 1 items, ")
    assert "holds this database" in itemroom.failed("restore", str(home / "backup"))
    assert "--force" in itemroom.failed("backup", str(home / "backup"))
    server.stop()
    said = itemroom.done("restore", str(home / "backup"))
    assert "The former database is" in said
    head = json.loads(itemroom.done("item", "list", "--json"))["head"]
    assert 5 <= head <= published[-1]
    ada.server = serve()
    assert ada.publish("order-17", "again")["seq"] == head + 1


def test_restore_on_a_new_machine_says_what_it_holds(itemroom: Command, home: Path) -> None:
    """And names no former database."""
    itemroom.done("user", "create", "ada", "--no-password")
    itemroom.done("backup", str(home / "backup"))
    (home / "test.db").unlink()
    said = itemroom.done("restore", str(home / "backup"))
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    assert said == f"{home / 'test.db'}: 0 items, 0 entries, 1 users, revision {head}\n"


def test_backup_without_a_database_is_refused(itemroom: Command, home: Path) -> None:
    """In one sentence."""
    assert "There is no database" in itemroom.failed("backup", str(home / "backup"))
