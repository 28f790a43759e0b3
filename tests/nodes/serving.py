"""Several servers of one database, each a process of its own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.process import PATIENCE, PYTHON, Process
from tests.programs.waiting import free_port
from tests.serving import Person, Talk

SECRET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Node(Process):
    """One of them.

    Args:
        directory: its own.
        database_url: of all of them.
        port: the one that it had before; None: it had none.
        more: settings.
    """

    def __init__(
        self, directory: Path, database_url: str, *, port: int | None = None, **more: Any
    ) -> None:
        self.port = port or free_port()
        super().__init__(
            directory,
            measured=False,
            database_url=database_url,
            secret=SECRET,
            port=self.port,
            **more,
        )

    def _holder(self) -> tuple[int | None, str | None]:
        return self.popen.pid, f"http://127.0.0.1:{self.port}"

    def metric(self, name: str) -> float:
        """A number of its `/metrics`."""
        lines = self.get("/metrics").text.splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.url}{path}", timeout=PATIENCE)


class Broken(Node):
    """A server that breaks promises; which one at the moment, a file beside all of them says."""

    def __init__(self, directory: Path, database_url: str, **more: Any) -> None:
        program = Path(__file__).with_name("broken.py")
        self.prefix = (*PYTHON, str(program), str(directory.parent / "broken"))
        super().__init__(directory, database_url, **more)


@contextmanager
def nodes(
    folder: Path, database_url: str, count: int, *, kind: type[Node] = Node, **settings: Any
) -> Iterator[list[Node]]:
    """So many, which start together: one of them makes the schema."""
    with ExitStack() as stack:
        started: list[Node] = []
        for number in range(count):
            directory = folder / f"node-{number}"
            directory.mkdir()
            started.append(kind(directory, database_url, **settings))
            stack.push(started[-1])
        for node in started:
            node.__enter__()
        yield started


def at(node: Node, person: Person) -> Person:
    """Somebody, by another server."""
    return Person(node, person.username, person.id, person.token)


async def bodies(talk: Talk, count: int) -> list[Any]:
    """The bodies of so many messages, from the first on."""
    while len(found := messages(talk)) < count:
        await talk.next()
    return [entry["body"] for entry in found]


def messages(talk: Talk) -> list[dict[str, Any]]:
    return [frame for frame in talk.seen if frame["type"] == "message"]
