"""Itemroom's data for a scenario: users, items, members and logs, made before it starts.

Registering thousands of users over HTTP would measure Argon2. Rows are written as the product
writes them, into a database that its migrations made; what is measured comes after.
"""

import shutil
import zlib
from collections.abc import Iterator
from functools import partial

import orjson
import psycopg
from sqlalchemy import Connection, insert
from sqlmodel import SQLModel

from api.app import make_tokens
from api.models import Item, Membership, User
from api.rights.access import clock_ms
from api.settings import Settings
from api.store.schema import MIGRATIONS, migrate
from api.store.sqlite.database import open_writing_engine
from api.store.store import store_of
from bench.peers.install import folder_of
from bench.peers.peer import World

# The bodies of a log that is there before the run: about as long as what people write.
TEXT = "What was said before anybody was here to hear it, and is still kept."
# Entries of one transaction.
CHUNK = 500_000
TOKEN_TTL = 3600


def item_id(room: int) -> str:
    """A room's item."""
    return f"item-{room}"


def user_id(room: int, member: int) -> str:
    """A room's member."""
    return f"user-{room}-{member}"


def put_database(world: World, settings: Settings) -> None:
    """Copy the world's database to where the settings say; made once for each kind of world."""
    kept = folder_of("itemroom") / f"{_name(world)}-{_schema():08x}.db"
    if not kept.exists():
        # A draft that was broken off, or the same world in the tables of before.
        for path in kept.parent.glob(f"{_name(world)}-*"):
            path.unlink()
        draft = kept.with_suffix(".draft")
        _make(world, settings.model_copy(update={"database_url": f"sqlite:///{draft}"}))
        draft.rename(kept)
    shutil.copyfile(kept, settings.database_path)


def fill_postgres(world: World, settings: Settings) -> None:
    """Make the tables of an empty PostgreSQL, and put a world of empty logs into them."""
    store = store_of(settings)
    store.open()
    try:
        store.prepare()
        with store.engine.begin() as connection:
            _add_people(connection, world)
    finally:
        store.close()
    # Else PostgreSQL would do both by itself, while it is measured.
    with psycopg.connect(settings.database_url, autocommit=True) as session:
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            session.execute(statement)


def issue_tokens(world: World, settings: Settings) -> list[list[str]]:
    """An access token for each member of each room."""
    tokens = make_tokens(settings)
    issue = partial(tokens.issue, use="access", ttl=TOKEN_TTL)
    return [
        [issue(user_id(room, member)).token for member in range(world.members)]
        for room in range(world.rooms)
    ]


def _name(world: World) -> str:
    """What a world is kept under: none is the beginning of another."""
    logs = "_".join(map(str, world.logs))
    return f"{world.rooms}_{world.members}_{logs}"


def _schema() -> int:
    """A checksum of all that makes the tables."""
    return zlib.crc32(b"".join(path.read_bytes() for path in sorted(MIGRATIONS.rglob("*.py"))))


def _make(world: World, settings: Settings) -> None:
    engine = open_writing_engine(settings)
    try:
        migrate(engine)
        with engine.begin() as connection:
            _add_people(connection, world)
        for room in range(world.rooms):
            for first in range(1, world.entries(room) + 1, CHUNK):
                last = min(first + CHUNK - 1, world.entries(room))
                with engine.begin() as connection:
                    _add_entries(connection, room, room * world.members + 1, first, last)
    finally:
        engine.dispose()


def _add_people(connection: Connection, world: World) -> None:
    rooms, now = range(world.rooms), clock_ms()
    item = {"title": "", "epoch": "bench", "oldest": 1}
    item |= {"created_at": now, "active_at": now}
    user = {"disabled": False, "tokens_from": 0, "created_at": now}
    members = list(_members(world))
    rows: dict[type[SQLModel], list[dict[str, object]]] = {
        Item: [
            {"key": room + 1, "id": item_id(room), "head": world.entries(room)} | item
            for room in rooms
        ],
        User: [
            {"key": k, "id": name, "username": name, "name": name} | user for _, k, name in members
        ],
        Membership: [
            {"item_key": room + 1, "user_key": key, "role": "writer", "read_seq": 0}
            for room, key, _ in members
        ],
    }
    for table, values in rows.items():
        connection.execute(insert(table), values)


def _members(world: World) -> Iterator[tuple[int, int, str]]:
    for room in range(world.rooms):
        for member in range(world.members):
            yield room, room * world.members + member + 1, user_id(room, member)


def _add_entries(connection: Connection, room: int, author_key: int, first: int, last: int) -> None:
    """A part of a room's log; numbered by SQLite itself, many times faster than from here."""
    connection.exec_driver_sql(
        """
        WITH RECURSIVE numbers (seq) AS (
            SELECT ? UNION ALL SELECT seq + 1 FROM numbers WHERE seq < ?
        )
        INSERT INTO entry (item_key, seq, kind, author_key, at, body)
        SELECT ?, seq, 'message', ?, ?, ? FROM numbers
        """,
        (first, last, room + 1, author_key, clock_ms(), orjson.dumps(TEXT)),
    )
