"""A program that runs another one's `main` so that a server breaks a promise, as it is told to.

For tests that have to see their judge find that. The first argument is a file, which names what is
broken at the moment; without the file nothing is.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from api.__main__ import main
from api.history import rows
from api.history.entries import Entry
from api.history.paths import Outcome, Unsettled
from api.history.shared_path import Shared
from api.live.progress import Progress
from api.live.room import Room
from api.nodes import reconcile
from api.nodes.reads import Moved
from api.nodes.reconcile import Reconciler
from api.rights import versions
from api.store.postgresql.sharing import PostgresqlSharing

FILE = Path()


def unless(name: str, act: Callable[..., Any], broken: Callable[..., Any]) -> Callable[..., Any]:
    """`act`, or what is done instead of it while that is what is broken."""

    def chosen(*arguments: Any, **more: Any) -> Any:
        is_broken = FILE.exists() and FILE.read_text() == name
        return (broken if is_broken else act)(*arguments, **more)

    return chosen


def trusts_hints() -> None:
    """Whatever comes is told, whether or not it is what comes next."""

    def take(progress: Progress, last: int, entries: Sequence[Entry]) -> Any:
        progress.stored = max(progress.stored, last)
        if entries:
            yield entries
            progress.told = last

    Progress.take = unless("trusts_hints", Progress.take, take)  # type: ignore[method-assign]


def relies_on_hints() -> None:
    """What was not told by a hint, it never hears of."""

    async def look(reconciler: Reconciler, *_: object, **__: object) -> None:
        # Else it would send everybody away after ten seconds, and they would ask by themselves.
        reconciler.looked_at = asyncio.get_running_loop().time()

    Reconciler._look = unless("relies_on_hints", Reconciler._look, look)  # type: ignore[method-assign]


def forgets_to_bump() -> None:
    """Rights change, and their versions stay."""
    for name in ("bump_item", "bump_user"):
        statement = getattr(versions, name)
        statement.run = unless("forgets_to_bump", statement.run, lambda *_: None)


def stores_without_versions() -> None:
    """It asks for the rights as they are now, which says nothing of those that it judged by."""
    swap = PostgresqlSharing.swap

    def careless(
        connection: Connection, users: dict[int, int], items: Sequence[Any], *more: Any
    ) -> set[int]:
        now: dict[str, dict[int, int]] = {}
        with connection.begin():
            for table in ("user", "item"):
                rows = connection.execute(text(f'SELECT key, rights FROM "{table}"'))
                now[table] = {row[0]: row[1] for row in rows}
        users = {key: now["user"][key] for key in users}
        items = [move._replace(rights=now["item"][move.item_key]) for move in items]
        return swap(connection, users, items, *more)

    chosen = unless("stores_without_versions", swap, careless)
    PostgresqlSharing.swap = staticmethod(chosen)


def tells_what_is_in_doubt() -> None:
    """A commit whose answer was lost counts as stored."""
    store = Shared.store

    def hopeful(path: Shared, connection: Connection, part: Any) -> Outcome:
        try:
            return store(path, connection, part)
        except Unsettled as doubt:
            return Outcome(doubt.settle.keywords["events"])  # type: ignore[attr-defined]

    Shared.store = unless("tells_what_is_in_doubt", store, hopeful)  # type: ignore[method-assign]


def changes_no_message() -> None:
    """An edit is in the log, and its message is what it was."""
    statement = rows.change_message
    statement.run = unless("changes_no_message", statement.run, lambda *_: None)  # type: ignore[method-assign]


def shows_what_was_deleted() -> None:
    """It gives what it remembers, although more is stored elsewhere."""
    since = Room.since

    def remembered(room: Room, seq: int, **_: object) -> list[Entry] | None:
        return since(room, seq)

    Room.since = unless("shows_what_was_deleted", since, remembered)  # type: ignore[method-assign]


def looks_at_no_versions() -> None:
    """It looks how far logs are, and at nobody's rights."""
    module = vars(reconcile)
    read = module["read_moved"]

    def heads(connection: Connection, items: Sequence[tuple[int, int, int]], _: object) -> Moved:
        rights = {key: known for key, _, known in items}
        moved = read(connection, items, []).items
        return Moved([replace(item, rights=rights[item.key]) for item in moved], [])

    module["read_moved"] = unless("looks_at_no_versions", read, heads)


BREAKS = (
    trusts_hints,
    relies_on_hints,
    forgets_to_bump,
    stores_without_versions,
    tells_what_is_in_doubt,
    changes_no_message,
    shows_what_was_deleted,
)

# What a test by itself finds out.
OTHERS = (looks_at_no_versions,)

if __name__ == "__main__":
    FILE = Path(sys.argv[1])
    for breaks in BREAKS + OTHERS:
        breaks()
    del sys.argv[:2]
    main()
