"""The client in Node, with `ws`, against a real server."""

import json
from pathlib import Path
from typing import Any

from tests.clients.javascript.conftest import node
from tests.conftest import Serve
from tests.serving import LiveServer, Person

HERE = Path(__file__).parent


def play(name: str, server: LiveServer, *people: Person) -> dict[str, Any]:
    """What a program of live.mjs finds."""
    tokens = [person.token for person in people]
    found: dict[str, Any] = json.loads(node("live.mjs", name, server.url, *tokens, cwd=HERE))
    return found


def test_two_people_use_all_there_is(server: LiveServer) -> None:
    """Commands, events, a reconnect in between, and the removal of one of them."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("room", bob="writer")
    found = play("talk", server, ada, bob)
    assert found.pop("entries") == [
        [1, "member", None, None],
        [2, "message", None, {"text": "hello"}],
        [3, "edit", 2, {"text": "hello, Bob"}],
        [4, "reaction", 2, None],
        [5, "message", None, {"text": "back"}],
        [6, "delete", 2, None],
    ]
    assert found == {
        "forbidden": "forbidden",
        "signal": ["typing", True],
        "read": 2,
        "again": 5,
        "here": ["ada", "bob"],
        "code": "removed",
        "retry": "never",
    }


def test_a_message_is_gone_on_with_by_its_ref(server: LiveServer) -> None:
    """One message, whoever begins it again; half a character that nobody ends is not in it."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("room", bob="writer")
    assert play("handed", server, ada, bob) == {
        "seqs": [2, 2, 4],
        "taken": "Hel",
        "text": "Hello",
        "gone": "stream_closed",
    }


def test_a_handshake_that_http_refuses_is_understood(serve: Serve) -> None:
    """A wrong address is for good, one connection too many is not."""
    server = serve(connections_per_user=1)
    ada = server.person("ada")
    ada.create("room")
    assert play("denied", server, ada) == {
        "elsewhere": ["not_found", "never"],
        "crowded": ["waiting", "too_many_connections", "later", True],
    }


def test_a_loop_that_answers_while_its_buffer_is_full_misses_nothing(serve: Serve) -> None:
    """The answers to its commands come through, although nobody has room for entries."""
    server = serve(publish_rate=0)
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("room", bob="writer")
    found = play("replies", server, ada, bob)
    assert found["wasFull"]
    assert found["seqs"] == list(range(1, len(found["seqs"]) + 1))
    assert found["replies"] == [f"re: {n}" for n in range(0, 100, 10)]


def test_many_rooms_have_one_socket(server: LiveServer) -> None:
    """Each is like any other; what ends one leaves the others, and the inbox knows of all."""
    ada, bob = server.person("ada"), server.person("bob")
    for item in ("one", "two"):
        ada.create(item, bob="writer")
    assert play("session", server, ada, bob) == {
        "opened": ["/ws"],
        "seqs": [2, 2],
        "nowhere": "item_not_found",
        "known": ["one", "two"],
        "bodies": ["to one", {"text": "@bob", "mentions": ["bob"]}],
        "code": "removed",
        "last": 4,
        "closed": "closed",
    }


def test_rooms_of_a_socket_that_is_cut_miss_nothing(serve: Serve) -> None:
    """Nor have anything twice, nor store anything twice; each goes on from its own place."""
    server = serve(publish_rate=0, handshake_rate=0)
    ada = server.person("ada")
    for item in ("one", "two", "three"):
        ada.create(item)
    found = play("torn", server, ada)
    whole = [*range(1, 61)]
    assert found["cuts"] >= 5
    assert found["seqs"] == found["answers"] == [whole] * 3


def test_room_that_is_told_not_to_wait_comes_back_once(serve: Serve) -> None:
    """Not once more when it would have waited long enough."""
    server = serve(handshake_rate=0)
    ada = server.person("ada")
    ada.create("room")
    assert play("hasty", server, ada) == {"sockets": 2, "state": "live"}
