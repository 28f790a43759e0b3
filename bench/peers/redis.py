"""Redis, for a peer that tells its other servers by it: Debian's, in memory."""

from pathlib import Path

from bench.peers.install import install_debian, output
from bench.peers.peer import Arguments, Command

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
MEMORY_ONLY = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]


class Redis:
    """A server of its own for each start; it writes nothing to disk."""

    def __init__(self) -> None:
        self._root = Path()

    def install(self) -> None:
        """Unpack it, unless it is there; raises AbsentError."""
        self._root = install_debian("redis", REDIS)

    def versions(self) -> dict[str, str]:
        """Its own."""
        said = output([self._program, "--version"], **self._libraries).split()
        redis = next((word[2:] for word in said if word.startswith("v=")), "unknown")
        return {"redis-server": redis}

    def command(self, port: int, folder: Path) -> Command:  # noqa: ARG002 - nothing is kept
        """The server."""
        arguments: Arguments = [self._program, "--port", str(port), *MEMORY_ONLY]
        return Command(arguments, port, self._libraries)

    @staticmethod
    def url(port: int) -> str:
        """Where a program finds it."""
        return f"redis://127.0.0.1:{port}"

    @property
    def _program(self) -> Path:
        return self._root / "usr/bin/redis-server"

    @property
    def _libraries(self) -> dict[str, str]:
        folders = sorted({path.parent for path in self._root.glob("usr/lib/**/*.so*")})
        return {"LD_LIBRARY_PATH": ":".join(map(str, folders))}
