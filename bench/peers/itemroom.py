"""Itemroom itself: `itemroom serve`, with its limits raised and nothing else changed."""

import secrets
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import orjson

from api import __version__
from api.settings import Settings
from bench.load.dialect import Address
from bench.peers.install import BIN, python_versions
from bench.peers.peer import Command, World
from bench.peers.world import issue_tokens, item_id, put_database

# Only what docs/operations.md offers to a trusted network. Everything else, durability above all,
# is as it comes.
RAISED = {
    "connections_per_user": 0,
    "handshake_rate": 0,
    "publish_rate": 0,
    "log_level": "warning",
    "shutdown_grace": 2,
}


class Itemroom:
    """This repository, as `itemroom serve` runs it."""

    name = "itemroom"
    title = "Itemroom"
    keeps = "everything that was acked (SQLite, synchronous=FULL)"

    def __init__(self) -> None:
        # Of this run alone: it signs what the members show.
        self._secret = secrets.token_urlsafe(48)

    def install(self) -> None:
        """Nothing to bring: it is what this repository is."""

    def versions(self) -> dict[str, str]:
        """Its own, and those of what it stands on."""
        return own_versions() | {"sqlite": sqlite3.sqlite_version}

    def commands(self, port: int, world: World, folder: Path) -> list[Command]:
        """The server, on a database that has the world in it."""
        raised = RAISED if world.limits_raised else {"log_level": "warning"}
        chosen = raised | {"port": port, "database_url": f"sqlite:///{folder / 'bench.db'}"}
        put_database(world, self._settings(folder / "bench.db"))
        return [Command([BIN / "itemroom", "serve"], port, environment(chosen, self._secret))]

    def dialect(self, port: int, world: World) -> "Rooms":
        """Frames of `itemroom.v1.json`, and a token for each member."""
        return Rooms(f"127.0.0.1:{port}", issue_tokens(world, self._settings(Path("unused.db"))))

    def _settings(self, database: Path) -> Settings:
        return Settings.model_validate(
            {"database_url": f"sqlite:///{database}", "secret": self._secret}
        )


class ItemroomByEdits(Itemroom):
    """The same, whose clients do as they would if messages could not grow."""

    name = "itemroom-edits"
    title = "Itemroom by edits of the whole text"

    def dialect(self, port: int, world: World) -> "Edits":
        """The same frames, others of them."""
        rooms = super().dialect(port, world)
        return Edits(rooms.site, rooms.tokens)


def own_versions() -> dict[str, str]:
    """The product's, and those of what it stands on whatever its database is."""
    parts = ["uvicorn", "fastapi", "sqlalchemy", "uvloop"]
    return {"itemroom": __version__} | python_versions(BIN / "python", parts)


def environment(settings: Mapping[str, object], secret: str) -> dict[str, str]:
    """Settings as a server gets them."""
    chosen = {**settings, "secret": secret}
    return {f"ITEMROOM_{name.upper()}": str(value) for name, value in chosen.items()}


class Rooms:
    """How members speak in their items' rooms.

    Args:
        site: host and port.
        tokens: by room and member.
    """

    ready: bytes | None = b'"type":"live"'
    ack = b'{"type":"ack"'
    joint: bytes | None = None
    missed = b'{"type":"message"'
    is_filled = True

    def __init__(self, site: str, tokens: list[list[str]]) -> None:
        self.site = site
        self.tokens = tokens

    def address(self, room: int, member: int, *, publishes: bool = False) -> Address:  # noqa: ARG002
        """A socket of the item, with the member's own token."""
        return self.room_address(room, member)

    def room_address(self, room: int, member: int, **query: object) -> Address:
        """A socket of the item with the member's token, beginning where the query says."""
        site = self.site_of(room, member)
        url = f"ws://{site}/items/{item_id(room)}/ws?{urlencode(query)}".rstrip("?")
        return Address(url, {"Authorization": f"Bearer {self.tokens[room][member]}"})

    def site_of(self, room: int, member: int) -> str:  # noqa: ARG002 - there is but one
        """Where a member connects."""
        return self.site

    def publish(self, room: int, body: str, number: int) -> bytes:  # noqa: ARG002
        """A command with a ref, as every client that wants to be able to retry sends it."""
        return orjson.dumps({"type": "publish", "ref": f"m{number}", "body": body})

    def begin(self, number: int) -> bytes:
        """A message that will grow."""
        return orjson.dumps({"type": "start", "ref": f"s{number}", "body": {"text": ""}})

    def piece(self, room: int, target: int, text: str, piece: str) -> bytes:  # noqa: ARG002
        """What it has more."""
        return orjson.dumps({"type": "append", "target": target, "at": len(text), "text": piece})


class Edits(Rooms):
    """How a text grows where nothing but whole messages can be said."""

    def begin(self, number: int) -> bytes:
        """A message that will be edited."""
        return orjson.dumps({"type": "publish", "ref": f"m{number}", "body": {"text": ""}})

    def piece(self, room: int, target: int, text: str, piece: str) -> bytes:  # noqa: ARG002
        """All that it has by now."""
        ref = f"e{target}-{len(text)}"
        body = {"text": text + piece}
        return orjson.dumps({"type": "edit", "ref": ref, "target": target, "body": body})
