"""Django Channels: rooms as groups, every message through a real Redis."""

from pathlib import Path

from bench.load.dialect import Dialect, Plain
from bench.machine import free_port
from bench.peers.install import install_python, python_versions
from bench.peers.peer import SOURCES, Arguments, Command, World
from bench.peers.redis import Redis

REQUIREMENTS = [
    "django==5.2.9",
    "channels==4.3.2",
    "channels-redis==4.3.0",
    # Newer ones bound the connections that Channels opens, which then fails.
    "redis==6.2.0",
    "uvicorn[standard]==0.54.0",
]


class Channels:
    """uvicorn with the consumer, and Redis, both on the server's core."""

    name = "channels"
    title = "Django Channels with Redis"
    keeps = "nothing (Redis passes messages on)"

    def __init__(self) -> None:
        self._python = Path()
        self._redis = Redis()

    def install(self) -> None:
        """Packages of PyPI, and Debian's Redis."""
        self._python = install_python(self.name, REQUIREMENTS)
        self._redis.install()

    def versions(self) -> dict[str, str]:
        """Those of the Python packages, and Redis's."""
        parts = ["django", "channels", "channels-redis", "redis", "uvicorn"]
        return python_versions(self._python, parts) | self._redis.versions()

    def commands(self, port: int, world: World, folder: Path) -> list[Command]:  # noqa: ARG002
        """Redis first; it writes nothing to disk."""
        redis_port = free_port()
        site = SOURCES / "channels_site"
        quiet = ["--port", str(port), "--log-level", "warning"]
        uvicorn: Arguments = [
            self._python,
            "-m",
            "uvicorn",
            "--app-dir",
            site,
            *quiet,
            "asgi:application",
        ]
        return [
            self._redis.command(redis_port, folder),
            Command(uvicorn, port, {"REDIS_PORT": str(redis_port)}),
        ]

    def dialect(self, port: int, world: World) -> Dialect:  # noqa: ARG002
        """Text as it is."""
        return Plain(f"ws://127.0.0.1:{port}/ws/{{room}}/")
