"""Itemroom on PostgreSQL: one server or several, who tell each other by `NOTIFY` or by Redis."""

import secrets
from collections.abc import Iterator
from pathlib import Path

from api.settings import Settings
from bench.load.dialect import Dialect
from bench.machine import free_port
from bench.peers.install import BIN, python_versions
from bench.peers.itemroom import RAISED, Rooms, environment, own_versions
from bench.peers.peer import Command, World
from bench.peers.postgres import Postgres
from bench.peers.redis import Redis
from bench.peers.world import fill_postgres, issue_tokens


class ItemroomOnPostgres:
    """This repository, as `itemroom serve` runs it several times.

    Args:
        redis: carries what one tells the others; without it PostgreSQL does.
    """

    keeps = "everything that was acked (PostgreSQL, fsync on)"

    def __init__(self, redis: Redis | None = None) -> None:
        self.name = "itemroom-pg" if redis is None else "itemroom-pg-redis"
        carrier = "PostgreSQL" if redis is None else "PostgreSQL and Redis"
        self.title = f"Itemroom with {carrier}"
        self._postgres = Postgres()
        self._redis = redis
        self._secret = secrets.token_urlsafe(48)
        self._ports: list[int] = []

    def install(self) -> None:
        """What it stands on."""
        self._postgres.install()
        if self._redis is not None:
            self._redis.install()

    def versions(self) -> dict[str, str]:
        """Its own, PostgreSQL's and Redis's, and those of what it speaks to them by."""
        drivers = python_versions(BIN / "python", ["psycopg", "redis"])
        versions = own_versions() | self._postgres.versions()
        if self._redis is None:
            return versions | {"psycopg": drivers["psycopg"]}
        return versions | drivers | self._redis.versions()

    def commands(self, port: int, world: World, folder: Path) -> Iterator[Command]:
        """The database, which gets the world; Redis; and the servers."""
        database_port = free_port()
        yield self._postgres.command(database_port, folder)
        url = self._postgres.url(database_port)
        fill_postgres(world, self._settings(url))
        shared = RAISED | {"database_url": url}
        if self._redis is not None:
            redis_port = free_port()
            yield self._redis.command(redis_port, folder)
            shared |= {"broker_url": self._redis.url(redis_port)}
        self._ports = [port]
        self._ports += [free_port() for _ in range(1, world.servers)]
        for own in self._ports:
            variables = environment(shared | {"port": own}, self._secret)
            yield Command([BIN / "itemroom", "serve"], own, variables)

    def dialect(self, port: int, world: World) -> Dialect:  # noqa: ARG002 - it is the first of all
        """Frames of `itemroom.v1.json`, a token for each member, at whose server they are."""
        tokens = issue_tokens(world, self._settings("sqlite:///unused.db"))
        return SpreadRooms([f"127.0.0.1:{own}" for own in self._ports], tokens, world)

    def _settings(self, database_url: str) -> Settings:
        return Settings.model_validate({"database_url": database_url, "secret": self._secret})


class SpreadRooms(Rooms):
    """The rooms of several servers.

    Args:
        sites: host and port of each.
        tokens: by room and member.
        world: says who is where.
    """

    def __init__(self, sites: list[str], tokens: list[list[str]], world: World) -> None:
        super().__init__(sites[0], tokens)
        self._sites = sites
        self._world = world

    def site_of(self, room: int, member: int) -> str:
        """The server of a member."""
        return self._sites[self._world.server(room, member)]
