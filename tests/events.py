"""A reader of server-sent events, by the standard's own steps (HTML, section 9.2.6)."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.serving import Fields, Person

KINDS = {"message", "edit", "delete", "reaction", "member", "item", "stop", "finish"}


@dataclass(frozen=True)
class Event:
    """One that was dispatched. `id` is its own; None: it had none."""

    type: str
    data: Fields
    id: str | None = None


@dataclass
class Reader:
    """What has been read of a stream; takes it in pieces of any size."""

    events: list[Event] = field(default_factory=list)
    comments: int = 0
    retry: int | None = None
    last_id: str = ""
    _rest: bytes = b""
    _fields: dict[str, list[str]] = field(default_factory=dict)

    def read(self, piece: bytes) -> list[Event]:
        """What it completes."""
        known = len(self.events)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._line(line.decode())
        return self.events[known:]

    def _line(self, line: str) -> None:
        if line.startswith(":"):
            self.comments += 1
            return
        if line:
            name, _, value = line.partition(":")
            self._fields.setdefault(name, []).append(value.removeprefix(" "))
            return
        fields, self._fields = self._fields, {}
        if retry := fields.get("retry"):
            self.retry = int(retry[-1])
        ids = fields.get("id")
        if ids:
            self.last_id = ids[-1]
        if "data" in fields:
            data = json.loads("\n".join(fields["data"]))
            self.events.append(Event(fields["event"][-1], data, ids[-1] if ids else None))


@dataclass
class Stream:
    """An open stream."""

    response: httpx2.Response
    reader: Reader = field(default_factory=Reader)
    _waiting: list[Event] = field(default_factory=list)
    _pieces: AsyncIterator[bytes] | None = None

    async def next(self) -> Event:
        """The next event; raises StopAsyncIteration at the end."""
        self._pieces = self._pieces or self.response.aiter_raw()
        while not self._waiting:
            self._waiting += self.reader.read(await anext(self._pieces))
        return self._waiting.pop(0)

    async def get(self, *types: str) -> Fields:
        """The next event of these types; others are passed over."""
        while (event := await self.next()).type not in types:
            pass
        return event.data

    async def entries_until(self, seq: int) -> list[Event]:
        """The entries up to one."""
        entries: list[Event] = []
        while not entries or entries[-1].data["seq"] < seq:
            event = await self.next()
            if event.type in KINDS:
                entries.append(event)
        return entries

    async def rest(self) -> list[Event]:
        """All events to the end of the stream."""
        events: list[Event] = []
        try:
            while True:
                events.append(await self.next())
        except StopAsyncIteration:
            return events


@asynccontextmanager
async def stream(
    person: Person, item_id: str, *, headers: dict[str, str] | None = None, **query: Any
) -> AsyncIterator[Stream]:
    """A stream of an item's events, that was let in."""
    shown = {"Authorization": f"Bearer {person.token}"} | (headers or {})
    url = f"{person.server.url}/items/{item_id}/events"
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=60) as client,
        client.stream("GET", url, headers=shown, params=query) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        yield Stream(response)
