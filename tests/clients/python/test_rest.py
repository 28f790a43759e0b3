import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from itemroom import Client, Refused, Room
from itemroom import rest as rest_module
from tests.serving import PASSWORD, LiveServer


@pytest.fixture
def ada(server: LiveServer) -> Iterator[Client]:
    """Somebody with a fresh token."""
    server.person("ada")
    with Client.sign_in(server.url, "ada", PASSWORD) as client:
        yield client


@pytest.fixture
def page() -> Iterator[str]:
    """The address of what answers everything with a page, and 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(HTTPStatus.OK)
            self.end_headers()
            self.wfile.write(b"<p>Please sign in.</p>")

        def log_message(self, format: str, *args: object) -> None:
            """Tell nobody."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_port}"
        proxy.shutdown()
        thread.join()


def test_calls_do_what_they_say(ada: Client, server: LiveServer) -> None:
    """All of them, against a real server."""
    server.person("ben")
    assert ada.me()["username"] == "ada"
    assert ada.create_item("a:1", title="One")["role"] == "admin"
    assert ada.change_item("a:1", title="Two")["title"] == "Two"
    assert ada.set_member("a:1", "ben", "reader")["role"] == "reader"
    assert [member["username"] for member in ada.members("a:1")] == ["ada", "ben"]
    ada.remove_member("a:1", "ben")
    first = ada.publish("a:1", "hi", ref="r1")
    assert ada.publish("a:1", "hi", ref="r1")["seq"] == first["seq"]
    second = ada.publish("a:1", None)["seq"]
    ada.edit("a:1", first["seq"], "hello", ref="r2")
    ada.react("a:1", first["seq"], "a/b")
    ada.react("a:1", first["seq"], "👍")
    ada.react("a:1", first["seq"], "👍", on=False)
    ada.delete("a:1", second)
    page = ada.messages("a:1", before=second)
    assert [(one["body"], list(one["reactions"])) for one in page["messages"]] == [
        ("hello", ["a/b"])
    ]
    ada.read("a:1", page["head"])
    shown = ada.item("a:1")
    assert (shown["unread"], shown["head"]) == (0, page["head"])
    assert ada.presence("a:1")["count"] == 0
    assert ada.ticket("a:1")
    token = ada.create_token("bot", {"a:*": "reader"}, expires_in=3600)
    assert [one["name"] for one in ada.tokens()] == ["bot"]
    with Client(server.url, token=token["token"]) as bot:
        assert bot.token == token["token"]
        assert [item["id"] for item in bot.items()] == ["a:1"]
        with pytest.raises(Refused) as refused:
            bot.publish("a:1", "x")
        assert (refused.value.code, refused.value.status) == ("forbidden", 403)
    ada.revoke_token(token["id"])
    ada.delete_item("a:1")
    assert list(ada.items()) == []


def test_invite_is_made_looked_at_and_accepted(ada: Client, server: LiveServer) -> None:
    """By its text, or the whole link as somebody has copied it."""
    ada.create_item("a:1", title="One")
    made = ada.create_invite("a:1", "writer", expires_in=60)
    some = ada.create_invite("a:1", "reader", uses=None)
    assert [one["left"] for one in ada.invites("a:1")] == [None, 1]
    ada.revoke_invite("a:1", some["id"])
    ben = server.person("ben")
    with Client(server.url, token=ben.token) as guest:
        shown = guest.look_at_invite(f" {made['url']}\n")
        assert (shown["item"]["title"], shown["by"]["name"]) == ("One", "ada")
        assert guest.accept_invite(made["token"])["used"] is True
        assert guest.accept_invite(made["url"])["used"] is False
    assert ada.invites("a:1") == []


def test_log_and_lists_come_whole(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page, up to the newest."""
    monkeypatch.setattr(rest_module, "PAGE", 2)
    for number in range(5):
        ada.create_item(f"item-{number}")
    assert len({item["id"] for item in ada.items()}) == 5
    assert list(ada.log("item-0")) == []
    for number in range(5):
        ada.publish("item-0", number)
    assert [entry.body for entry in ada.log("item-0", after=1)] == [1, 2, 3, 4]


def test_server_that_is_not_there_is_unreachable() -> None:
    """Which is no other error than a refusal that may pass."""
    with Client("http://127.0.0.1:1") as client, pytest.raises(Refused) as refused:
        client.items().__next__()
    assert (refused.value.code, refused.value.retry) == ("unreachable", "later")
    assert client.token is None


def test_page_of_a_proxy_is_no_answer(page: str) -> None:
    """It is taken for no item, and may pass."""
    with Client(page) as client, pytest.raises(Refused) as refused:
        client.me()
    assert (refused.value.code, refused.value.retry) == ("bad_answer", "later")
    assert refused.value.status == HTTPStatus.OK


def test_wrong_password_is_refused(ada: Client, server: LiveServer) -> None:
    """With the server's code."""
    with pytest.raises(Refused, match="login_failed"):
        Client.sign_in(server.url, "ada", "wrong horse battery")


@pytest.mark.parametrize("value", ["..", ".", "", "../..", "x/../../..", "..\\.."])
def test_value_never_changes_which_resource_is_meant(ada: Client, value: str) -> None:
    """No message, member or item is touched by what stands for something else."""
    ada.create_item("a:1")
    seq = ada.publish("a:1", "stays")["seq"]
    token = ada.create_token("bot", {"a:*": "reader"})
    calls: list[Callable[[], object]] = [
        lambda: ada.react("a:1", seq, value),
        lambda: ada.react("a:1", seq, value, on=False),
        lambda: ada.remove_member("a:1", value),
        lambda: ada.set_member("a:1", value, "admin"),
        lambda: ada.delete("a:1", value),  # type: ignore[arg-type]  # what has no types may do
        lambda: ada.revoke_token(value),
        lambda: ada.delete_item(value),
        lambda: ada.item(f"a:1/{value}"),
    ]
    for call in calls:
        with pytest.raises(Refused):
            call()
    assert [one["body"] for one in ada.messages("a:1")["messages"]] == ["stays"]
    assert [one["id"] for one in ada.tokens()] == [token["id"]]
    with pytest.raises(Refused, match="item_not_found"):
        Room("http://localhost", item=value)
