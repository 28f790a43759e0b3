"""A server in the process of an application's tests."""

import sqlite3
import time
from contextlib import closing

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.sync.client import connect

from api.accounts.users import find_user
from api.clock import clock
from api.errors import Refusal
from api.testing import LocalServer

# It has a file of its own, whatever the environment says.
pytestmark = pytest.mark.sqlite


def test_server_is_there_with_people_and_gone_without_a_trace() -> None:
    """Twice in one process; nobody can sign in as whom it made."""
    for _ in range(2):
        with LocalServer(max_body_bytes=1000) as server:
            ada = server.user("ada", "Ada")
            assert server.user("ada").id == ada.id
            with httpx2.Client(base_url=server.url, trust_env=False) as client:
                me = client.get("/auth/me", headers={"Authorization": f"Bearer {ada.token}"})
                assert me.json()["name"] == "Ada"
                form = {"username": "ada", "password": "correct horse battery"}
                assert client.post("/auth/token", data=form).json()["code"] == "login_failed"
            path = server.settings.database_path
        assert not path.exists()
        assert not path.parent.exists()


def test_restart_keeps_the_address_and_what_was_stored() -> None:
    """As an upgrade does."""
    with LocalServer() as server:
        url, ada = server.url, server.user("ada")
        server.restart()
        assert server.url == url
        assert server.user("ada").id == ada.id
        assert server.write(lambda transaction: find_user(transaction.connection, "ada"))


def test_cut_leaves_no_word() -> None:
    """As a network that is gone: no close frame comes."""
    with LocalServer() as server:
        ada = server.user("ada")
        headers = {"Authorization": f"Bearer {ada.token}"}
        httpx2.post(
            f"{server.url}/items", json={"id": "order-17"}, headers=headers, trust_env=False
        )
        url = f"{server.url.replace('http', 'ws')}/items/order-17/ws"
        with connect(url, additional_headers=headers, proxy=None) as socket:
            socket.recv()
            server.cut()
            with pytest.raises(ConnectionClosedError) as lost:
                list(iter(socket.recv, None))
            assert lost.value.rcvd is None


def test_server_that_cannot_start_says_why() -> None:
    """To the test that waits for it, and not to the log alone."""
    server = LocalServer()
    with closing(sqlite3.connect(server.settings.database_path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    with pytest.raises(RuntimeError, match="could not start") as failed:
        server.start()
    assert "made by a newer one" in str(failed.value.__cause__)
    server.close()


def test_server_that_does_not_stop_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of keeping the tests for ever."""
    with LocalServer() as server:
        monkeypatch.setattr("api.testing.PATIENCE", 0.0)
        with pytest.raises(RuntimeError, match="does not stop"):
            server.stop()
        monkeypatch.undo()


def test_wrong_setting_or_name_is_refused_at_once() -> None:
    """Before anything runs, and with the reason."""
    with pytest.raises(ValueError, match="max_body_bytes"):
        LocalServer(max_body_bytes=1)
    with LocalServer() as server, pytest.raises(Refusal, match="username"):
        server.user("a b")


def test_what_was_never_started_is_closed_all_the_same() -> None:
    """A fixture may fail before."""
    LocalServer().close()


def test_time_that_has_passed_ends_what_it_should() -> None:
    """A token and its socket, what is kept for a day; and it is today again for the next."""
    with LocalServer(retention_interval=3600) as server:
        ada = server.user("ada")
        headers = {"Authorization": f"Bearer {ada.token}"}
        with httpx2.Client(base_url=server.url, headers=headers, trust_env=False) as client:
            client.post("/items", json={"id": "order-17"})
            client.patch("/items/order-17", json={"retention_days": 1})
            client.post("/items/order-17/messages", json={"body": "old"})
            url = f"{server.url.replace('http', 'ws')}/items/order-17/ws"
            with connect(url, additional_headers=headers, proxy=None) as socket:
                server.forward(3599 - 60)
                assert client.get("/items/order-17").status_code == 200
                server.forward(3600)
                with pytest.raises(ConnectionClosed) as ended:
                    list(iter(socket.recv, None))
                assert ended.value.rcvd is not None
                assert ended.value.rcvd.reason == "auth_expired"
            assert client.get("/items/order-17").json()["code"] == "auth_expired"
        server.forward(86_400)
        again = server.state.tokens.issue(ada.id, use="access", ttl=3600).token
        page = httpx2.get(
            f"{server.url}/items/order-17/messages",
            headers={"Authorization": f"Bearer {again}"},
            trust_env=False,
        )
        assert page.json()["messages"] == []
    assert abs(clock.seconds() - time.time()) < 5
