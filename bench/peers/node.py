"""Node's two: Socket.IO, and `ws`, which it stands on."""

import shutil
from pathlib import Path

import orjson

from bench.load.dialect import Address, Dialect, Plain
from bench.peers.install import install_node, node, output
from bench.peers.peer import SOURCES, Command, World

SOCKETIO = "socket.io@4.8.4"
WS = "ws@8.23.0"


class NodePeer:
    """One program of Node's."""

    keeps = "nothing"

    def __init__(self, name: str, title: str, package: str) -> None:
        self.name = name
        self.title = title
        self._package = package
        self._folder = Path()

    def install(self) -> None:
        """The package of npm, with our program beside it, since Node looks for packages there."""
        self._folder = install_node(self.name, [self._package])
        shutil.copy(SOURCES / self.name / "server.js", self._folder)

    def versions(self) -> dict[str, str]:
        """The package's version and Node's."""
        name = self._package.rpartition("@")[0]
        package = self._folder / "node_modules" / name / "package.json"
        return {name: orjson.loads(package.read_bytes())["version"], "node": output([node(), "-v"])}

    def commands(self, port: int, world: World, folder: Path) -> list[Command]:  # noqa: ARG002
        """The program takes its port."""
        return [Command([node(), self._folder / "server.js", str(port)], port)]

    def dialect(self, port: int, world: World) -> Dialect:  # noqa: ARG002
        """Socket.IO's packets, or text as it is."""
        if self.name == "socketio":
            return Packets(f"127.0.0.1:{port}")
        return Plain(f"ws://127.0.0.1:{port}/{{room}}")


class Packets:
    """Socket.IO's protocol 5 over Engine.IO's protocol 4, on a WebSocket from the start."""

    ready: bytes | None = b'40{"sid"'
    ack = b"43"
    joint: bytes | None = None

    def __init__(self, site: str) -> None:
        self._site = site

    def address(self, room: int, member: int, *, publishes: bool = False) -> Address:  # noqa: ARG002
        """The room is in the query, as the program reads it."""
        query = f"EIO=4&transport=websocket&room={room}"
        return Address(f"ws://{self._site}/socket.io/?{query}", hello=b"40")

    def publish(self, room: int, body: str, number: int) -> bytes:  # noqa: ARG002
        """An event that asks for an acknowledgement."""
        return f'42{number}["say",'.encode() + orjson.dumps(body) + b"]"


def socketio() -> NodePeer:
    """Socket.IO: its own rooms, packets and acknowledgements."""
    return NodePeer("socketio", "Socket.IO", SOCKETIO)


def ws() -> NodePeer:
    """The WebSocket alone, and a loop."""
    return NodePeer("ws", "ws", WS)
