"""The kit for tests of applications, as their authors use it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from itemroom import Refused
from itemroom.testing import Rooms
from tests.docs.reading import ROOT, blocks

# The kit's server has a file of its own, whatever the environment says.
pytestmark = pytest.mark.sqlite

DOCUMENT = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rooms() -> Iterator[Rooms]:
    """One for all: each test has people and items of its own."""
    with Rooms() as rooms:
        yield rooms


def test_who_expects_something_hears_it_or_what_came_instead(rooms: Rooms) -> None:
    """The sentence has what was wanted, and each frame that came."""
    rooms.item("order-1", ada="admin", bob="writer")
    ada, bob = rooms.user("ada"), rooms.user("bob")
    with ada.join("order-1", patience=0.5) as room:
        room.expect("live")
        room.expect("presence")
        seq = bob.publish("order-1", {"text": "hello"})["seq"]
        room.expect("message", seq=seq, by={"id": bob.id}, body={"text": "hello"})
        with pytest.raises(AssertionError) as failed:
            room.expect("message", body="never said")
        assert str(failed.value).endswith("came\n  nothing")
        bob.publish("order-1", "something else")
        with pytest.raises(AssertionError, match="something else"):
            room.expect("message", body="never said")
        assert [frame["type"] for frame in room.seen].count("message") == 2


def test_refusals_are_said_at_once(rooms: Rooms) -> None:
    """Nobody waits for what can no longer come."""
    rooms.item("order-2", ada="admin", bob="reader")
    ada, bob = rooms.user("ada"), rooms.user("bob")
    with bob.join("order-2", patience=60) as room:
        with pytest.raises(AssertionError, match="forbidden"):
            room.publish("may I?")
        ada.client.remove_member("order-2", "bob")
        assert room.closed() == "removed"
    with pytest.raises(AssertionError, match="item_not_found"):
        bob.join("order-2")
    with pytest.raises(Refused, match="no such item"):
        bob.publish("order-2", 1)
    rooms.item("order-7", ada="admin", bob="writer")
    with bob.join("order-7", patience=60) as room:
        ada.client.remove_member("order-7", "bob")
        with pytest.raises(AssertionError, match="removed"):
            room.expect("message", body="never said")


def test_denied_handshake_is_said(rooms: Rooms) -> None:
    """What comes before the socket opens is no silence either."""
    rooms.item("order-3", ada="admin")
    with pytest.raises(AssertionError, match="malformed"):
        rooms.user("ada").join("order-3", after="x")


def test_lost_connection_and_restart_leave_the_log(rooms: Rooms) -> None:
    """Whoever comes back goes on after what they saw last."""
    rooms.item("order-4", ada="admin")
    ada = rooms.user("ada")
    with ada.join("order-4") as room:
        seq, epoch = room.publish("one"), room.welcome["epoch"]
        rooms.cut()
        with pytest.raises(AssertionError, match="nothing"):
            room.expect("message", body="two")
    ada.publish("order-4", "two")
    rooms.restart()
    with ada.join("order-4", after=seq, epoch=epoch) as room:
        assert room.welcome["recovered"]
        room.expect("message", body="two")


def test_time_goes_on_when_it_is_told_to() -> None:
    """A socket ends with its token, an hour later."""
    with Rooms() as rooms:
        rooms.item("order-6", ada="admin")
        with rooms.user("ada").join("order-6") as room:
            rooms.forward(3600)
            assert room.closed() == "auth_expired"


def test_item_needs_an_admin(rooms: Rooms) -> None:
    """As everywhere: it would be nobody's."""
    with pytest.raises(ValueError, match="ada='admin'"):
        rooms.item("order-5", bob="writer")


def test_without_the_server_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client alone cannot run one."""
    monkeypatch.setitem(sys.modules, "itemroom_server.testing", None)
    with pytest.raises(ModuleNotFoundError, match="install `itemroom`"):
        Rooms()


def test_tests_of_the_document_pass_as_they_stand(tmp_path: Path) -> None:
    """With the fixture alone: pytest finds it by itself."""
    (tmp_path / "test_orders.py").write_text(blocks(DOCUMENT, "python", "test_orders.py")[0])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(
        [*command, "--rootdir", tmp_path], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout
