"""FastAPI's tutorial, from which this project began: its room, and its echo."""

from pathlib import Path

from bench.load.dialect import Dialect, Plain
from bench.peers.install import install_python, python_versions
from bench.peers.peer import SOURCES, Arguments, Command, World

REQUIREMENTS = ["fastapi==0.165.0", "uvicorn[standard]==0.54.0"]


class Tutorial:
    """One of the tutorial's two programs, run by uvicorn as it comes.

    Args:
        name: of the program and of the peer.
    """

    keeps = "nothing"

    def __init__(self, name: str, title: str, path: str) -> None:
        self.name = name
        self.title = title
        self._path = path
        self._python = Path()

    def install(self) -> None:
        """FastAPI and uvicorn with all that makes it fast."""
        self._python = install_python("tutorial", REQUIREMENTS)

    def versions(self) -> dict[str, str]:
        """Those of FastAPI, uvicorn and what they stand on."""
        return python_versions(self._python, ["fastapi", "starlette", "uvicorn", "websockets"])

    def commands(self, port: int, world: World, folder: Path) -> list[Command]:  # noqa: ARG002
        """Uvicorn's defaults, but no line of log for a connection."""
        arguments: Arguments = ["-m", "uvicorn", "--app-dir", SOURCES, f"{self.name}:app"]
        quiet = ["--port", str(port), "--log-level", "warning"]
        return [Command([self._python, *arguments, *quiet], port)]

    def dialect(self, port: int, world: World) -> Dialect:  # noqa: ARG002
        """Text as it is."""
        return Plain(f"ws://127.0.0.1:{port}{self._path}")


def tutorial() -> Tutorial:
    """The chat: a list of connections, and a loop that sends to each in turn."""
    return Tutorial("tutorial", "FastAPI tutorial", "/items/{room}/ws/{member}")


def echo() -> Tutorial:
    """The echo: what comes goes back."""
    return Tutorial("echo", "FastAPI tutorial's echo", "/ws")
