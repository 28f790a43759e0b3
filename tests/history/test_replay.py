"""C4, D-group: applying the log from any cursor ends in what the page of messages shows."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.errors import Refusal
from api.history import pile
from api.items.history_pages import log_page, messages_page
from api.rights.access import Access, Role
from tests.databases import provided
from tests.stores import Store

Act = tuple[str, int, int, bool]
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "edit", "delete", "react"]),
        st.integers(0, 1),  # who
        st.integers(1, 12),  # the target, or the body
        st.booleans(),  # a reaction on or off, an edit under a ref or none
    ),
    max_size=30,
)


@dataclass
class Client:
    """A client that knows messages only by the entries that it applied, in seq order."""

    messages: dict[int, dict[str, Any]] = field(default_factory=dict)

    def apply(self, entry: dict[str, Any]) -> None:
        """The rules that a client follows."""
        if entry["type"] == "message":
            self.messages[entry["seq"]] = entry | {"reactions": {}}
            return
        message = self.messages.get(entry.get("target", 0))
        if message is None:
            return
        if entry["type"] == "edit":
            # The edit of a message that was deleted since has no body any more.
            message |= {name: entry[name] for name in ("body",) if name in entry}
            message["edited_seq"] = entry["seq"]
        elif entry["type"] == "delete":
            message.pop("body", None)
            message |= {"deleted_seq": entry["seq"], "reactions": {}}
        elif entry["type"] == "reaction":
            users = message["reactions"].setdefault(entry["value"], [])
            (users.append if entry["on"] else users.remove)(entry["by"]["id"])
            if not users:
                del message["reactions"][entry["value"]]


async def perform(store: Store, accesses: list[Access], act: Act) -> None:
    kind, who, number, flag = act
    access, target = accesses[who], number
    try:
        match kind:
            case "publish":
                await store.publish(access, b'"body %d"' % number, f"p{number}" if flag else None)
            case "edit":
                await store.edit(access, target, b'"edit %d"' % number, "e" if flag else None)
            case "delete":
                await store.delete(access, target)
            case "react":
                await store.react(access, target, "+", on=flag)
    except Refusal as refusal:
        if refusal.code not in {"not_found", "forbidden", "ref_conflict"}:
            raise


async def read_log(store: Store, after: int) -> list[dict[str, Any]]:
    """The log after a seq, in pages of three."""
    entries: list[dict[str, Any]] = []
    while True:
        page = orjson.loads(await store.readers.read(log_page, 1, after, 3))
        entries += page["entries"]
        if not page["entries"]:
            assert after == page["head"]
            return entries
        after = page["entries"][-1]["seq"]


async def check(store: Store, accesses: list[Access], acts: list[Act]) -> None:
    snapshots: list[tuple[int, Client]] = []
    for number, act in enumerate(acts):
        await perform(store, accesses, act)
        if number % 7 == 0:
            # A client that was here, has applied the log up to now, and comes back at the end.
            entries = await read_log(store, 0)
            client = Client()
            for entry in entries:
                client.apply(entry)
            snapshots.append((len(entries), client))
    page = orjson.loads(await store.readers.read(messages_page, 1, None, None, 100))
    expected = {message["seq"]: message for message in page["messages"]}
    snapshots.append((0, Client()))
    for cursor, client in snapshots:
        entries = await read_log(store, cursor)
        assert [entry["seq"] for entry in entries] == list(range(cursor + 1, page["head"] + 1))
        for entry in entries:
            client.apply(entry)
        assert client.messages == expected


async def replay(directory: Path, acts: list[Act]) -> None:
    store = Store(provided(directory))
    store.writer.start(asyncio.get_running_loop())
    try:
        names = {"ada": Role.WRITER, "root": Role.ADMIN}
        principals = [await store.user(name) for name in names]
        await store.item("doc", names)
        await check(store, [await store.access(who, "doc") for who in principals], acts)
    finally:
        await asyncio.to_thread(store.writer.finish)
        store.readers.close()
        store.engine.dispose()


@pytest.mark.timeout(120)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS)
def test_log_applied_from_any_cursor_ends_in_the_page(acts: list[Act]) -> None:
    """Whatever was published, edited, deleted and reacted to, and whenever a client left."""
    with TemporaryDirectory() as directory:
        asyncio.run(replay(Path(directory), acts))


@pytest.mark.timeout(120)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS)
def test_log_on_a_pile_applied_from_any_cursor_ends_in_the_page(acts: list[Act]) -> None:
    """The same while every entry waits for its place, which four at once get to."""
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pile, "SPREAD", 1)
        patch.setattr(pile, "PILE_ENTRIES", 4)
        asyncio.run(replay(Path(directory), acts))
