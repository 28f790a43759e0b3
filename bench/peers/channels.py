"""Django Channels: rooms as groups, every message through a real Redis."""

from pathlib import Path

from bench.load.dialect import Dialect, Plain
from bench.machine import free_port
from bench.peers.install import install_debian, install_python, output, python_versions
from bench.peers.peer import SOURCES, Arguments, Command, World

REQUIREMENTS = [
    "django==5.2.9",
    "channels==4.3.2",
    "channels-redis==4.3.0",
    # Newer ones bound the connections that Channels opens, which then fails.
    "redis==6.2.0",
    "uvicorn[standard]==0.54.0",
]
# The server, and the libraries that a machine without Redis lacks.
REDIS = [
    "redis-server",
    "redis-tools",
    "libjemalloc2",
    "liblzf1",
    "libhiredis0.14",
    "liblua5.1-0",
    "lua-cjson",
    "lua-bitop",
    "libatomic1",
]


class Channels:
    """uvicorn with the consumer, and Redis, both on the server's core."""

    name = "channels"
    title = "Django Channels with Redis"
    keeps = "nothing (Redis passes messages on)"

    def __init__(self) -> None:
        self._python = Path()
        self._root = Path()

    def install(self) -> None:
        """Packages of PyPI, and Debian's Redis."""
        self._python = install_python(self.name, REQUIREMENTS)
        self._root = install_debian("redis", REDIS)

    def versions(self) -> dict[str, str]:
        """Those of the Python packages, and Redis's."""
        parts = ["django", "channels", "channels-redis", "redis", "uvicorn"]
        said = output([self._redis, "--version"], **self._libraries).split()
        redis = next((word[2:] for word in said if word.startswith("v=")), "unknown")
        return python_versions(self._python, parts) | {"redis-server": redis}

    def commands(self, port: int, world: World, folder: Path) -> list[Command]:  # noqa: ARG002
        """Redis first; it writes nothing to disk."""
        redis_port = free_port()
        memory_only = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
        redis: Arguments = [self._redis, "--port", str(redis_port), *memory_only]
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
            Command(redis, redis_port, self._libraries),
            Command(uvicorn, port, {"REDIS_PORT": str(redis_port)}),
        ]

    def dialect(self, port: int, world: World) -> Dialect:  # noqa: ARG002
        """Text as it is."""
        return Plain(f"ws://127.0.0.1:{port}/ws/{{room}}/")

    @property
    def _redis(self) -> Path:
        return self._root / "usr/bin/redis-server"

    @property
    def _libraries(self) -> dict[str, str]:
        folders = sorted({path.parent for path in self._root.glob("usr/lib/**/*.so*")})
        return {"LD_LIBRARY_PATH": ":".join(map(str, folders))}
