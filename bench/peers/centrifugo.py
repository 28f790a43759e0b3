"""Centrifugo: a server of rooms in Go, in memory or on PostgreSQL."""

import secrets
import time
from collections.abc import Mapping
from pathlib import Path

import orjson
from jose import jwt

from bench.load.dialect import Address, Dialect
from bench.machine import free_port
from bench.peers.install import install_go, output
from bench.peers.peer import Command, World
from bench.peers.postgres import Postgres

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
    """One node, on one core as Go's scheduler knows it.

    Args:
        postgres: keeps the rooms' messages; without it they are in memory.
    """

    def __init__(self, postgres: Postgres | None = None) -> None:
        self.name = "centrifugo" if postgres is None else "centrifugo-pg"
        self.title = "Centrifugo" if postgres is None else "Centrifugo with PostgreSQL"
        self.keeps = (
            f"nothing (the newest {ROOMS['history_size']} messages of a room in memory)"
            if postgres is None
            else "everything that was answered (PostgreSQL, fsync on)"
        )
        self._postgres = postgres
        self._program = Path()
        self._secret = secrets.token_urlsafe(48)

    def install(self) -> None:
        """Go makes it of its source."""
        if self._postgres is not None:
            self._postgres.find()
        self._program = install_go("centrifugo", f"{MODULE}@{VERSION}")

    def versions(self) -> dict[str, str]:
        """Its own, Go's and PostgreSQL's."""
        # Made of its source, it does not know its own.
        go = output([self._program, "version"]).rpartition("Go version: ")[2].rstrip(")")
        versions = {"centrifugo": VERSION, "go": go}
        return versions | (self._postgres.versions() if self._postgres else {})

    def commands(self, port: int, world: World, folder: Path) -> list[Command]:  # noqa: ARG002
        """The database first; defaults, but for what a room has and who may be in it."""
        before: list[Command] = []
        config = self._config(port)
        if self._postgres is not None:
            database_port = free_port()
            before = [self._postgres.command(database_port, folder)]
            postgres = {"dsn": self._postgres.dsn(database_port), "use_notify": True}
            config["broker"] = {"enabled": True, "type": "postgres", "postgres": postgres}
        path = folder / "centrifugo.json"
        path.write_bytes(orjson.dumps(config))
        one_core = {"GOMAXPROCS": "1"}
        return [*before, Command([self._program, "--config", path], port, one_core)]

    def dialect(self, port: int, world: World) -> Dialect:
        """Its JSON protocol, and a token for each member."""
        tokens = [
            [self._token(f"user-{room}-{member}") for member in range(world.members)]
            for room in range(world.rooms)
        ]
        return Channels(port, tokens)

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


class Channels:
    """Commands of Centrifugo's JSON protocol; who connects enters the room in the same frame.

    Args:
        tokens: by room and member.
    """

    # The answer to the second command, and nothing else.
    ready: bytes | None = b'"subscribe":{'
    ack = b'"publish":{'
    joint: bytes | None = b"\n"
    missed = b'"data":'
    is_filled = False

    def __init__(self, port: int, tokens: list[list[str]]) -> None:
        self._url = f"ws://127.0.0.1:{port}/connection/websocket"
        self._tokens = tokens

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

    def _address(self, room: int, member: int, recovery: Mapping[str, object]) -> Address:
        commands = (
            {"id": 1, "connect": {"token": self._tokens[room][member]}},
            {"id": 2, "subscribe": {"channel": str(room), **recovery}},
        )
        return Address(self._url, hello=b"\n".join(map(orjson.dumps, commands)), room=room)
