"""Client programs as tests play them: the same commands and events, whatever runs the client."""

import asyncio
import itertools
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.browser import NODE, Windows
from tests.clients.player import Player
from tests.deadlines import scaled

Fields = dict[str, Any]
Send = Callable[[Fields], Awaitable[object]]
Program = Callable[[str], AbstractAsyncContextManager["Driver"]]
"""Starts a client program, given the address of a server that is up."""
PATIENCE = 15.0  # Seconds.
LONGEST_LINE = 16 * 2**20  # Bytes.
HERE = Path(__file__).parent


class Rejected(Exception):  # noqa: N818 - the client's word for it
    """A command was refused; the argument is the code."""


@dataclass
class Client:
    """One room of a client program, and all that it has told."""

    name: str
    send: Send
    entries: list[Fields] = field(default_factory=list)
    """What came out of the iterator."""
    answers: dict[str, Fields] = field(default_factory=dict)
    """To commands, by ref."""
    events: list[tuple[str, Any]] = field(default_factory=list)
    """Names and data of all the rest, in order."""
    gap_places: list[int] = field(default_factory=list)
    """How many entries had come out before each `gap`."""
    state: str = "connecting"
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self, event: str) -> list[Any]:
        """The data of all events of a name."""
        return [data for name, data in self.events if name == event]

    def hear(self, event: str, data: Any) -> None:
        if event == "entry":
            self.entries.append(data)
        elif event == "answer":
            self.answers[data["ref"]] = data
        else:
            self.events.append((event, data))
        if event == "state":
            self.state = data["state"]
        if event == "gap":
            self.gap_places.append(len(self.entries))
        self._changed.set()

    async def until(self, what: Callable[[], object]) -> None:
        """Wait for a condition, which an event makes true."""
        try:
            async with asyncio.timeout(scaled(PATIENCE)):
                while not what():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            told = [*self.events[-5:], *self.entries[-1:], *list(self.answers.values())[-1:]]
            raise AssertionError(f"{self.name} waits in vain; the last were {told}") from None

    async def reach(self, state: str) -> None:
        """Wait for a state."""
        await self.until(lambda: self.state == state)

    async def heard(self, event: str, count: int = 1) -> Any:
        """Wait for so many events of a name: the data of the last."""
        await self.until(lambda: len(self.told(event)) >= count)
        return self.told(event)[count - 1]

    async def seen(self, seq: int) -> None:
        """Wait until an entry has come out of the iterator."""
        await self.until(lambda: self.entries and self.entries[-1]["seq"] >= seq)

    async def do(self, act: str, ref: str, **fields: object) -> int:
        """Give a command, and wait: the seq that the client says it was stored under."""
        await self.send({"room": self.name, "do": act, "ref": ref, **fields})
        await self.until(lambda: ref in self.answers)
        answer = self.answers[ref]
        if "code" in answer:
            raise Rejected(answer["code"])
        return int(answer["seq"])

    async def control(self, act: str) -> None:
        """`close`, `reconnect`, `pause` (the loop takes no more entries) or `resume` (it does)."""
        await self.send({"room": self.name, "do": act})


class Driver:
    """A client program that has been started.

    Attributes:
        item: the item that is its own in a scenario that all programs play at the same time.
    """

    send: Send
    """Gives the program a command; set when it runs."""

    def __init__(self, item: str) -> None:
        self.item = item
        self._clients: dict[str, Client] = {}
        self._numbers = itertools.count()

    async def open(self, url: str, item: str | None = None, **options: object) -> Client:
        """A room; `options` as the clients have them, and `tokens` for what gives tokens."""
        client = Client(f"{self.item} {next(self._numbers)}", self.send)
        self._clients[client.name] = client
        place = {"url": url, "item": item or self.item}
        await self.send({"room": client.name, "do": "open", **place, **options})
        return client

    def hear(self, event: Fields) -> None:
        self._clients[event["room"]].hear(event["event"], event.get("data"))


@asynccontextmanager
async def in_python(_url: str) -> AsyncIterator[Driver]:
    """The Python client."""
    driver = Driver("python")
    player = Player(driver.hear)
    driver.send = player.play
    try:
        yield driver
    finally:
        await player.end()


@asynccontextmanager
async def in_node(websocket: str, _url: str) -> AsyncIterator[Driver]:
    """The JavaScript client in Node, with its own WebSocket, `global`, or the package `ws`."""
    process = await asyncio.create_subprocess_exec(
        NODE, HERE / "node.mjs", websocket, stdin=PIPE, stdout=PIPE, limit=LONGEST_LINE
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    async def send(command: Fields) -> None:
        stdin.write(json.dumps(command).encode() + b"\n")
        await stdin.drain()

    async def listen() -> None:
        async for line in stdout:
            driver.hear(json.loads(line))

    driver = Driver(f"node-{websocket}")
    driver.send = send
    listening = asyncio.create_task(listen())
    try:
        yield driver
    finally:
        stdin.close()
        try:
            async with asyncio.timeout(scaled(PATIENCE)):
                await listening
                code = await process.wait()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
    assert code == 0, "the program did not end well"


@asynccontextmanager
async def in_chromium(windows: Windows, url: str) -> AsyncIterator[Driver]:
    """The JavaScript client in a page that the server has given."""
    # The proxy's address is another one than the page's, which the page's policy does not allow.
    context = await windows.context(bypass_csp=True)
    windows.tolerate("WebSocket connection to|/tickets")
    await context.route("**/driver.mjs", lambda route: route.fulfill(path=HERE / "driver.mjs"))
    driver = Driver("chromium")
    page = await context.new_page()
    await page.expose_function("emit", driver.hear)
    await page.goto(f"{url}/protocol")
    await page.evaluate(
        """async () => {
            const [{ Room }, { drive }] =
                await Promise.all([import("/itemroom.js"), import("/driver.mjs")]);
            globalThis.play = drive(Room, (event) => emit(event));
        }"""
    )
    driver.send = partial(page.evaluate, "(command) => play(command)")
    yield driver


@asynccontextmanager
async def on_stage(programs: Sequence[Program], url: str) -> AsyncIterator[list[Driver]]:
    """Several programs at the same time."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(program(url)) for program in programs]


async def each(drivers: Sequence[Driver], play: Callable[[Driver], Awaitable[Any]]) -> list[Any]:
    """What came of a scenario with each of them, all at the same time."""

    async def one(driver: Driver) -> Any:
        try:
            return await play(driver)
        except Exception as error:
            error.add_note(f"It was {driver.item}.")
            raise

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(driver)) for driver in drivers]
    return [task.result() for task in tasks]
