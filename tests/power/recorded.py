"""Run under the recorder: a server's life without sockets, or a restore.

Marks in the recorder's own log what it was told, and when: after that a power cut may not undo it.
"""

import asyncio
import os
import struct
import sys
from functools import partial
from pathlib import Path

from api.accounts.users import create_user
from api.app import running
from api.history import pile
from api.history.messages import Publish
from api.history.transaction import Transaction
from api.items.schemas import NewItem
from api.items.service import create_item
from api.rights.access import Access, Credential, Principal
from api.settings import Settings
from api.store.sqlite import database
from api.store.sqlite.backup import back_up, restore

# The recorder's header, `struct record`: kind, descriptor, number, two lengths.
HEADER = struct.Struct("=c3xiqqq")
ROUNDS = 20


class Marks:
    """Writes marks into the log, in their place among what the disk was asked for."""

    def __init__(self, log: Path) -> None:
        self._descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def put(self, mark: str) -> None:
        data = mark.encode()
        os.write(self._descriptor, HEADER.pack(b"A", -1, 0, len(data), 0) + data)


async def serve(settings: Settings, marks: Marks) -> None:
    """Start, make an item, publish, back up, publish more; then end as a power cut does."""
    async with running(settings) as state:
        marks.put("started")
        access = await state.writer.call(prepare)
        for number in range(ROUNDS):
            if number == ROUNDS // 2:
                await asyncio.to_thread(
                    partial(
                        back_up, settings.database_path, settings.database_path.parent / "backup"
                    )
                )
                marks.put("backed up")
            publishes = [
                Publish(access=access, ref=f"{number}-{one}", body=b'"%s"' % (b"x" * 700))
                for one in range(1 + number % 3)
            ]
            await asyncio.gather(*(state.writer.execute(publish) for publish in publishes))
            for publish in publishes:
                marks.put(f"acked {publish.ref}")
        os._exit(0)


def prepare(transaction: Transaction) -> Access:
    """An item, and somebody who may publish there."""
    # Ten pages and not a thousand: checkpoints are among what is cut.
    transaction.connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 10")
    ada = create_user(transaction, username="ada", password_hash="")
    principal = Principal(ada.key, ada.id, ada.name, Credential("access", "jti", 1, None))
    return create_item(transaction, principal, NewItem(id="room"))


def main(mode: str, folder: Path, log: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{folder}/test.db")
    marks = Marks(log)
    if mode == "restore":
        restore(settings, folder / "backup")
        marks.put("restored")
        return
    if mode == "piling":
        # Every commit, and a move after every few.
        pile.SPREAD, pile.PILE_ENTRIES = 1, 5
    if mode == "careless":
        database.PRAGMAS["synchronous"] = ("NORMAL", 1)
    asyncio.run(serve(settings, marks))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
