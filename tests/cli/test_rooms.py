import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from api.cli.connecting import local_server
from tests.cli.commands import Command, Outcome
from tests.clients.python.scripted import WELCOME, Guest, answer, message, playing, say
from tests.conftest import Serve
from tests.deadlines import scaled
from tests.process import ITEMROOM
from tests.serving import LiveServer, Person


@pytest.fixture
def server(serve: Serve, home: Path, monkeypatch: pytest.MonkeyPatch) -> LiveServer:
    """A server that the environment names."""
    server = serve()
    monkeypatch.setenv("ITEMROOM_URL", server.url)
    return server


@pytest.fixture
def ada(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Person:
    """The admin of order-17, whose token is in the environment."""
    ada = server.person("ada")
    ada.create("order-17")
    monkeypatch.setenv("ITEMROOM_TOKEN", ada.token)
    return ada


async def run(*arguments: str, stdin: bytes = b"") -> Outcome:
    """A command in a process of its own, while this one serves it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        ITEMROOM, *arguments, stdin=pipe, stdout=pipe, stderr=pipe
    )
    out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


@pytest.mark.anyio
async def test_line_that_is_no_text_ends_the_command(ada: Person) -> None:
    """With a sentence; what came before it is stored."""
    outcome = await run("publish", "order-17", "-", stdin=b"one\n\xff\ntwo\n")
    assert (outcome.code, outcome.out.count("\n")) == (2, 1)
    assert outcome.err == "itemroom: stdin holds no UTF-8 text.\n"


def test_published_text_is_stored_and_its_seq_printed(itemroom: Command, ada: Person) -> None:
    """So that a script can refer to it."""
    seq = int(itemroom.done("publish", "order-17", "hello there"))
    [message] = ada.call("GET", "/items/order-17/messages").json()["messages"]
    assert (message["seq"], message["body"]) == (seq, "hello there")


@pytest.mark.anyio
async def test_lines_of_stdin_are_published_in_order(ada: Person) -> None:
    """A message each, and a seq each."""
    outcome = await run("publish", "order-17", "-", stdin=b"one\ntwo\r\nthree")
    assert (outcome.code, outcome.err) == (0, "")
    messages = ada.call("GET", "/items/order-17/messages").json()["messages"]
    assert [message["body"] for message in messages] == ["one", "two", "three"]
    assert [message["seq"] for message in messages] == [
        int(line) for line in outcome.out.splitlines()
    ]


def test_token_of_a_file_wins_over_the_environment(
    itemroom: Command, ada: Person, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file can be for one user's eyes alone."""
    (home / "token").write_text(f"\ufeff{ada.token}\r\n", encoding="utf-8")
    monkeypatch.setenv("ITEMROOM_TOKEN", "nothing")
    itemroom.done("publish", " order-17 ", "hi", "--token-file", str(home / "token"))
    (home / "wide").write_text(ada.token, encoding="utf-16")
    itemroom.done("publish", "order-17", "hi", "--token-file", str(home / "wide"))
    assert itemroom.failed("publish", "order-17", "hi", code=1).startswith("auth_invalid: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("order 17",), "An item's id has 1 to 128"),
        (("order-17", "--url", "ftp://x", "--token", "t"), "ITEMROOM_URL takes an address"),
        (("order-17", "--token", " "), "A token is needed"),
        (("order-17", "--token", "näh"), "A token is needed"),
        (("order-17", "--token-file", "/nowhere/token"), "/nowhere/token: No such file"),
        (("order-17", "--token", "t"), "ITEMROOM_PORT=0 does not tell where"),
        (("order-17", "--url", "http://127.0.0.1:1", "--token", "t"), "ws://127.0.0.1:1/items/ord"),
    ],
)
def test_listen_that_cannot_begin_says_why(
    itemroom: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    """In one sentence; nothing was heard yet, so there is nothing to wait for."""
    assert itemroom.failed("listen", *arguments).startswith(sentence)


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("", "", "http://127.0.0.1:8000"),
        ("", "8123", "http://127.0.0.1:8123"),
        ("0.0.0.0", "8123", "http://127.0.0.1:8123"),
        ("::", "8123", "http://[::1]:8123"),
    ],
)
def test_client_without_an_address_goes_where_the_server_of_this_machine_listens(
    home: Path, monkeypatch: pytest.MonkeyPatch, host: str, port: str, address: str
) -> None:
    """One environment serves both."""
    monkeypatch.setenv("ITEMROOM_HOST", host)
    monkeypatch.setenv("ITEMROOM_PORT", port)
    assert local_server() == address


def test_address_of_the_environment_wins_over_its_port(
    itemroom: Command, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port is the server's own, and the address may be that of another one."""
    monkeypatch.setenv("ITEMROOM_PORT", "1")
    assert itemroom.done("publish", "order-17", "hi")


@pytest.mark.anyio
async def test_publish_says_once_that_it_tries_again(home: Path) -> None:
    """On stderr: what it prints is for programs."""

    async def take(guest: Guest) -> None:
        await guest.say(WELCOME)
        command = await guest.hear("publish")
        await guest.say({"type": "ack", "ref": command["ref"], "seq": 7, "at": ""})
        await guest.hear()

    away = answer(503, b'{"code": "draining", "detail": "Bye."}', Retry_After="0")
    async with playing(away, away, take) as stage:
        outcome = await run("publish", "order-17", "hi", "--url", stage.url, "--token", "t")
    assert (outcome.code, outcome.out) == (0, "7\n")
    assert outcome.err == "itemroom: the server answered 503; trying again\n"


@pytest.mark.parametrize("command", [("listen", "secret-1"), ("publish", "secret-1", "hi")])
def test_item_of_somebody_else_ends_the_command(
    itemroom: Command, ada: Person, server: LiveServer, command: tuple[str, ...]
) -> None:
    """With the reason that the server gives."""
    server.person("ben").create("secret-1")
    assert itemroom.failed(*command, code=1).startswith("item_not_found: ")


@pytest.mark.anyio
async def test_listen_says_what_happens_to_the_connection(home: Path) -> None:
    """Beside what it prints; and in the end why it ends."""
    closing = {"type": "closing", "reason": "item_deleted", "retry": "never"}
    said = say(WELCOME | {"after": 6}, message(7, "hi"), close=1012)
    async with playing(said, say(closing)) as stage:
        outcome = await run("listen", "order-17", "--url", stage.url, "--token", "t")
    assert (outcome.code, outcome.out) == (1, "7 Ada: hi\n")
    assert outcome.err.splitlines() == [
        "itemroom: the connection was closed (1012); trying again",
        "itemroom: item_deleted: The item was deleted.",
    ]


@pytest.mark.parametrize("as_json", [True, False])
def test_listen_prints_each_entry_on_a_line(
    ada: Person,
    server: LiveServer,
    as_json: bool,  # noqa: FBT001 - parametrised
) -> None:
    """From the one asked for, until it is interrupted; what is edited or deleted shows as such."""
    seqs = [ada.publish("order-17", body)["seq"] for body in ("zero", "o\nne", {"two": 2})]
    ada.call("PATCH", f"/items/order-17/messages/{seqs[2]}", json={"body": "new"})
    ada.call("DELETE", f"/items/order-17/messages/{seqs[2]}")
    arguments = [str(ITEMROOM), "listen", "order-17", "--after", str(seqs[0])]
    arguments += ["--json"] if as_json else []
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        lines = [listener.stdout.readline().rstrip("\n") for _ in range(4)]
        ada.publish("order-17", "live")
        lines.append(listener.stdout.readline().rstrip("\n"))
        listener.send_signal(signal.SIGINT)
        assert listener.wait(scaled(30)) == 130
        assert listener.stdout.read() == ""
    first = seqs[1]
    if as_json:
        entries = [json.loads(line) for line in lines]
        assert [entry["seq"] for entry in entries] == list(range(first, first + 5))
        assert [entry["type"] for entry in entries] == [
            "message",
            "message",
            "edit",
            "delete",
            "message",
        ]
    else:
        assert lines == [
            f"{first} ada: o\N{REPLACEMENT CHARACTER}ne",
            f"{first + 1} * ada deleted message {first + 1}",
            f"{first + 2} *",
            f"{first + 3} * ada deleted message {first + 1}",
            f"{first + 4} ada: live",
        ]


def test_listener_whose_reader_has_gone_ends_quietly(ada: Person) -> None:
    """As `itemroom listen … | head -1` does."""
    ada.publish("order-17", "one")
    with subprocess.Popen(
        [ITEMROOM, "listen", "order-17"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as listener:
        assert listener.stdout is not None
        assert listener.stderr is not None
        assert listener.stdout.readline().endswith("ada: one\n")
        listener.stdout.close()
        ada.publish("order-17", "two")
        assert listener.wait(scaled(30)) == 1
        assert listener.stderr.read() == ""
