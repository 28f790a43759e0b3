"""The limit: C that does nothing but `send()`, once for each client and message."""

from pathlib import Path

from bench.load.dialect import Dialect, Plain
from bench.peers.install import compile_c, output
from bench.peers.peer import SOURCES, Command, World


class Limit:
    """A loop over epoll, and a loop over the clients."""

    name = "limit"
    title = "bare C send() loop"
    keeps = "nothing"

    def __init__(self) -> None:
        self._program = Path()

    def install(self) -> None:
        """The machine's C compiler."""
        self._program = compile_c(self.name, SOURCES / "send_loop.c")

    def versions(self) -> dict[str, str]:
        """The C compiler's version."""
        return {"cc": output(["cc", "-dumpfullversion"])}

    def commands(self, port: int, world: World, folder: Path) -> list[Command]:  # noqa: ARG002
        """The program takes its port."""
        return [Command([self._program, str(port)], port)]

    def dialect(self, port: int, world: World) -> Dialect:  # noqa: ARG002
        """Text as it is; there is one room."""
        return Plain(f"ws://127.0.0.1:{port}/")
