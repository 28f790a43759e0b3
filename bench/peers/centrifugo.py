"""Centrifugo: a server of rooms in Go, in memory, on PostgreSQL or on Redis."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import orjson
from jose import jwt

from bench.load.dialect import Address, Dialect
from bench.machine import free_port
from bench.peers.install import install_go, output
from bench.peers.peer import Command, World
from bench.peers.postgres import Postgres
from bench.peers.redis import Redis

MODULE = "github.com/centrifugal/centrifugo/v6"
VERSION = "v6.9.1"
TOKEN_TTL = 3600  # seconds
# Longer than a scenario: its pings are messages of its own, which each client has to answer, where
# those of others are answered below the load.
PING_INTERVAL = "10m"
# What is as much like a room of ours as it gets: who was away is told what was said meanwhile, and
# whoever misses something in between is told so. Presence is off, which ours has.
ROOMS = {
    "history_size": 1000,
    "history_ttl": "1h",
    "force_positioning": True,
    "force_recovery": True,
    "allow_subscribe_for_client": True,
    "allow_publish_for_subscriber": True,
}


class Centrifugo:
    """Nodes, each on one core as Go's scheduler knows it.

    Args:
        store: keeps the rooms' messages; without it they are in memory, of one node.
    """

    def __init__(self, store: Postgres | Redis | None = None) -> None:
        kept = f"the newest {ROOMS['history_size']} messages of a room in"
        self.name, self.title, self.keeps = "centrifugo", "Centrifugo", f"nothing ({kept} memory)"
        if isinstance(store, Postgres):
            self.name, self.title = "centrifugo-pg", "Centrifugo with PostgreSQL"
            self.keeps = "everything that was answered (PostgreSQL, fsync on)"
        elif isinstance(store, Redis):
            self.name, self.title = "centrifugo-redis", "Centrifugo with Redis"
            self.keeps = f"nothing ({kept} Redis)"
        self._store = store
        self._program = Path()
        self._secret = secrets.token_urlsafe(48)
        self._ports: list[int] = []

    def install(self) -> None:
        """Go makes it of its source."""
        if self._store is not None:
            self._store.install()
        self._program = install_go("centrifugo", f"{MODULE}@{VERSION}")

    def versions(self) -> dict[str, str]:
        """Its own, Go's and its store's."""
        # Made of its source, it does not know its own.
        go = output([self._program, "version"]).rpartition("Go version: ")[2].rstrip(")")
        versions = {"centrifugo": VERSION, "go": go}
        return versions | (self._store.versions() if self._store else {})

    def commands(self, port: int, world: World, folder: Path) -> Iterator[Command]:
        """The store first; defaults, but for what a room has and who may be in it."""
        storing: dict[str, object] = {}
        if self._store is not None:
            store_port = free_port()
            yield self._store.command(store_port, folder)
            storing = _storing(self._store, store_port)
        self._ports = [port]
        self._ports += [free_port() for _ in range(1, world.servers)]
        for own in self._ports:
            path = folder / f"centrifugo-{own}.json"
            path.write_bytes(orjson.dumps(self._config(own) | storing))
            yield Command([self._program, "--config", path], own, {"GOMAXPROCS": "1"})

    def dialect(self, port: int, world: World) -> Dialect:  # noqa: ARG002 - it is the first of all
        """Its JSON protocol, and a token for each member."""
        tokens = [
            [self._token(f"user-{room}-{member}") for member in range(world.members)]
            for room in range(world.rooms)
        ]
        return Channels(self._ports, tokens, world)

    def _config(self, port: int) -> dict[str, object]:
        return {
            "http_server": {"address": "127.0.0.1", "port": str(port)},
            "log": {"level": "error"},
            # It tells its makers how it is used.
            "usage_stats": {"disabled": True},
            "client": {
                "token": {"hmac_secret_key": self._secret},
                "ping_interval": PING_INTERVAL,
            },
            "channel": {"without_namespace": ROOMS},
        }

    def _token(self, user: str) -> str:
        claims = {"sub": user, "exp": int(time.time()) + TOKEN_TTL}
        token: str = jwt.encode(claims, self._secret, algorithm="HS256")
        return token


def _storing(store: Postgres | Redis, port: int) -> dict[str, object]:
    """How a node is told of its store."""
    if isinstance(store, Redis):
        return {"engine": {"type": "redis", "redis": {"address": store.url(port)}}}
    # Go's driver asks for TLS first, unless it is told that there is none.
    postgres = {"dsn": f"{store.url(port)}?sslmode=disable", "use_notify": True}
    return {"broker": {"enabled": True, "type": "postgres", "postgres": postgres}}


class Channels:
    """Commands of Centrifugo's JSON protocol; who connects enters the room in the same frame.

    Args:
        ports: of the nodes.
        tokens: by room and member.
        world: says who is where.
    """

    # The answer to the second command, and nothing else.
    ready: bytes | None = b'"subscribe":{'
    ack = b'"publish":{'
    joint: bytes | None = b"\n"
    missed = b'"data":'
    is_filled = False

    def __init__(self, ports: Sequence[int], tokens: list[list[str]], world: World) -> None:
        self._ports = ports
        self._tokens = tokens
        self._world = world

    def address(self, room: int, member: int, *, publishes: bool = False) -> Address:  # noqa: ARG002
        """The room is entered by the first frame; who is in it may publish."""
        return self._address(room, member, {})

    def room_address(self, room: int, member: int, *, after: int) -> Address:
        """The same, with the place from which to go on."""
        return self._address(room, member, {"recover": True, "offset": after})

    def publish(self, room: int, body: str, number: int) -> bytes:
        """A command with an id of 32 bits, which the first two of a connection never have again."""
        command = {"channel": str(room), "data": body}
        return orjson.dumps({"id": number % 2**31 + 3, "publish": command})

    def begin(self, number: int) -> None:
        """Each piece is a publication, which readers put together."""

    def piece(self, room: int, target: int, text: str, piece: str) -> bytes:  # noqa: ARG002
        """A publication."""
        return self.publish(room, piece, len(text))

    def _address(self, room: int, member: int, recovery: Mapping[str, object]) -> Address:
        commands = (
            {"id": 1, "connect": {"token": self._tokens[room][member]}},
            {"id": 2, "subscribe": {"channel": str(room), **recovery}},
        )
        port = self._ports[self._world.server(room, member)]
        url = f"ws://127.0.0.1:{port}/connection/websocket"
        return Address(url, hello=b"\n".join(map(orjson.dumps, commands)), room=room)
