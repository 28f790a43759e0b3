"""Pages of a log as JSON. For a reader thread, where their encoding belongs too; may block.

Bodies go out as the bytes that are stored: never parsed, never encoded again.
"""

from typing import Any

import orjson
from sqlalchemy import Connection

from ..history.extent import Extent
from ..history.reader import read_entries, read_message, read_messages


def messages_page(
    connection: Connection, item_key: int, before: int | None, after: int | None, limit: int
) -> bytes:
    """Messages as they stand now, oldest first."""
    messages, extent = read_messages(connection, item_key, before, after, limit)
    return _page("messages", [message.fields() for message in messages], extent)


def message_page(connection: Connection, item_key: int, seq: int) -> bytes:
    """One message as it stands now; raises Refusal `not_found`."""
    return orjson.dumps(read_message(connection, item_key, seq).fields())


def log_page(connection: Connection, item_key: int, after: int, limit: int) -> bytes:
    """Entries as a socket replays them."""
    entries, extent = read_entries(connection, item_key, after, limit)
    return _page("entries", [entry.fields() for entry in entries], extent)


def _page(name: str, shown: list[dict[str, Any]], extent: Extent) -> bytes:
    place = {"head": extent.head, "oldest": extent.oldest, "epoch": extent.epoch}
    return orjson.dumps({name: shown} | place)
