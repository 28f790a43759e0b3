"""A transaction a message: a small server of rooms on PostgreSQL, as one writes it at first."""

from collections.abc import Iterator
from pathlib import Path

import orjson

from bench.load.dialect import Dialect, Plain
from bench.machine import free_port
from bench.peers.install import install_python, python_versions
from bench.peers.peer import SOURCES, Command, World
from bench.peers.postgres import Postgres

REQUIREMENTS = [
    "psycopg[binary]==3.3.9",
    "psycopg-pool==3.3.3",
    "uvloop==0.23.0",
    "websockets==17.4",
]


class Transaction:
    """The program, and PostgreSQL with its defaults on the same core."""

    name = "transaction"
    title = "A transaction a message"
    keeps = "everything that was answered (PostgreSQL, fsync on)"

    def __init__(self) -> None:
        self._postgres = Postgres()
        self._python = Path()

    def install(self) -> None:
        """Packages of PyPI, and the machine's PostgreSQL."""
        self._postgres.install()
        self._python = install_python(self.name, REQUIREMENTS)

    def versions(self) -> dict[str, str]:
        """Those of the Python packages, and PostgreSQL's."""
        parts = ["psycopg", "psycopg-pool", "uvloop", "websockets"]
        return python_versions(self._python, parts) | self._postgres.versions()

    def commands(self, port: int, world: World, folder: Path) -> Iterator[Command]:
        """The database first; the program makes its tables."""
        database_port = free_port()
        yield self._postgres.command(database_port, folder)
        variables = {
            "DATABASE_URL": self._postgres.url(database_port),
            "ROOMS": str(world.rooms),
        }
        yield Command([self._python, SOURCES / "transaction.py", str(port)], port, variables)

    def dialect(self, port: int, world: World) -> Dialect:  # noqa: ARG002
        """A message has a ref, by which it is answered."""
        return Refs(f"ws://127.0.0.1:{port}/rooms/{{room}}")


class Refs(Plain):
    """Messages in JSON, answered when they are stored."""

    ack = b'{"ack":'

    def publish(self, room: int, body: str, number: int) -> bytes:  # noqa: ARG002
        """The address has said the room."""
        return orjson.dumps({"ref": f"m{number}", "body": body})
