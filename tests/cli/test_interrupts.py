"""Ctrl-C ends a command at any moment, and is not answered with a traceback."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli import running
from tests.clients.python.scripted import WELCOME, Guest, Stage, playing, say, until
from tests.process import ITEMROOM, Process

# Interrupts itself when a module is about to be imported: there is no moment more awkward.
PROGRAM = """
import os, signal, sys

class Interrupt:
    def __init__(self, name):
        self.name = name

    def find_spec(self, name, path, target=None):
        if name == self.name:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt(sys.argv.pop(1)))
from api.cli import main
main()
"""


def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """A Python program that ends by itself."""
    return subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("typer", "--version"),
        ("typer.main", "--help"),
        ("api.cli.rooms", "--help"),
        ("pydantic", "listen order-17 --token t --url http://127.0.0.1:1"),
        ("asyncio", "listen order-17 --token t --url http://127.0.0.1:1"),
        ("websockets.asyncio.client", "publish order-17 hi --token t --url http://127.0.0.1:1"),
        ("sqlalchemy", "user create ada --password-stdin"),
        ("sqlalchemy.engine", "migrate"),
        ("alembic", "item list"),
        ("fastapi", "serve"),
        ("uvloop", "serve"),
        ("textual.app", "chat order-17 --token t --url http://127.0.0.1:1"),
        ("api.store.sqlite.backup", "backup nowhere.db"),
    ],
)
def test_interrupt_during_an_import_is_quiet(home: Path, module: str, command: str) -> None:
    """Whatever is being imported, by Python, by us, or by what we import."""
    ended = run("-c", PROGRAM, module, *command.split(), stdin="correct horse battery\n")
    assert (ended.stdout, ended.stderr) == ("", "")
    assert ended.returncode in (-signal.SIGINT, 130)


# Another thread hears the signal, so that the main one is not woken from what it waits in. The same
# happens to a signal that comes between Python's last look for one and the wait.
DEAF = """
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
from api.cli import main
main()
"""


@pytest.mark.parametrize("program", [(ITEMROOM,), (sys.executable, "-c", DEAF)])
@pytest.mark.parametrize("command", ["publish order-17 -", "listen order-17", "publish order-17 x"])
@pytest.mark.anyio
async def test_interrupt_of_a_client_is_quiet(
    home: Path, program: tuple[str, ...], command: str
) -> None:
    """While it waits for a line, for entries, or for an answer; it says goodbye to the server."""
    async with playing(say(WELCOME)) as stage:
        client = await started(stage, *program, *command.split())
        client.send_signal(signal.SIGINT)
        # Its standard input stays open: not even a second end may be what it waits for.
        await client.wait()
        out, err = await client.communicate()
        assert (out, err, client.returncode) == (b"", b"", 130)


@pytest.mark.anyio
async def test_second_interrupt_of_a_client_ends_it_at_once(home: Path) -> None:
    """The server does not answer the goodbye, and is not waited for."""
    heard = []

    async def deaf(guest: Guest) -> None:
        await guest.say(WELCOME)
        guest.socket.transport.pause_reading()
        heard.append(guest)
        await guest.socket.wait_closed()

    async with playing(deaf) as stage:
        client = await started(stage, ITEMROOM, "publish", "order-17", "-")
        await until(lambda: heard)
        while client.returncode is None:
            # Not by `send_signal`: that one may find out that it has ended before the event loop
            # does, to which its code is lost.
            os.kill(client.pid, signal.SIGINT)
            await asyncio.sleep(0.1)
        out, err = await client.communicate()
        assert (out, err, client.returncode) == (b"", b"", 130)
        # Else it would hear of the end only when it has waited for it.
        heard[0].socket.transport.resume_reading()


async def started(stage: Stage, *command: str | Path) -> asyncio.subprocess.Process:
    """A client's command that has come to the server."""
    client = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"ITEMROOM_URL": stage.url, "ITEMROOM_TOKEN": "t"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    await until(lambda: stage.queries)
    return client


def test_interrupt_of_a_job_in_the_background_is_ignored(home: Path) -> None:
    """A shell starts `command &` so, and an interrupt is meant for what is in front."""
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    ended = run("-c", ignoring + PROGRAM, "typer", "--version")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_interrupt_that_is_ignored_does_not_end_a_client() -> None:
    """One in the background works on."""
    done = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
        done.append("all of it")

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        running.run(work())
    finally:
        signal.signal(signal.SIGINT, before)
    assert done


def test_interrupt_in_a_finalizer_ends_the_program(home: Path) -> None:
    """Python would show it, and go on."""
    last_words = """
class Thing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(10): pass

import typer
typer.echo = lambda *_: globals().pop("thing")
thing = Thing()
main()
"""
    ended = run("-c", PROGRAM.replace("main()\n", last_words), "nothing", "--version")
    assert (ended.returncode, ended.stderr) == (130, "")


def test_fault_in_a_finalizer_is_shown_as_ever(home: Path) -> None:
    """Only interrupts are quiet."""
    last_words = """
class Thing:
    def __del__(self):
        raise ValueError("a fault")

import typer
typer.echo = lambda *_: globals().pop("thing")
thing = Thing()
main()
"""
    ended = run("-c", PROGRAM.replace("main()\n", last_words), "nothing", "--version")
    assert ended.returncode == 0
    assert "ValueError: a fault" in ended.stderr


def test_interrupt_of_a_server_is_quiet(tmp_path: Path) -> None:
    """It stops as it does on SIGTERM."""
    with Process(tmp_path) as server:
        assert server.end(signal.SIGINT) in (0, 130, -signal.SIGINT)
        assert "Traceback" not in server.log
        assert "KeyboardInterrupt" not in server.log


def test_interrupt_between_two_commands_of_ours_is_quiet(home: Path) -> None:
    """What typer does not catch, we do."""
    ended = run(
        "-c",
        """
import api.cli, api.cli.commands

def run():
    raise KeyboardInterrupt

api.cli.commands.run = run
api.cli.main()
""",
    )
    assert (ended.returncode, ended.stderr) == (130, "")
