"""The driver of the Python client, in the test's own process: as driver.mjs, in every respect."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from itemroom import Entry, Refused, Room

Fields = dict[str, Any]
Emit = Callable[[Fields], None]
TOLD = ("state", "welcome", "gap", "expiring", "role", "refused")
COMMANDS = ("publish", "edit", "delete", "react")


class Player:
    """Plays rooms as a test tells it: one command in, events out."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._rooms: dict[str, _Played] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def play(self, command: Fields) -> None:
        name, act = command.pop("room"), command.pop("do")
        if act == "open":
            self._rooms[name] = _Played(name, self._emit, **command)
            self._start(self._rooms[name].read())
        elif act in COMMANDS:
            self._start(self._rooms[name].command(act, **command))
        else:
            await getattr(self._rooms[name], act)()

    async def end(self) -> None:
        for played in self._rooms.values():
            await played.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, act: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(act)
        self._tasks.add(task)


class _Played:
    def __init__(
        self, name: str, emit: Emit, url: str, tokens: list[str] | None = None, **options: Any
    ) -> None:
        self._name, self._emit = name, emit
        self._tokens = tokens or []
        self._reading = asyncio.Event()
        self._reading.set()
        if tokens is not None:
            options["get_token"] = self._token
        self.room = Room(url, **options)
        listen: Callable[..., object] = self.room.on
        for type_ in TOLD:
            listen(type_, partial(self._tell_of, type_))

    async def read(self) -> None:
        try:
            async with self.room:
                async for entry in self.room:
                    self._tell("entry", dict(entry.frame))
                    await self._reading.wait()
            self._tell("end")
        except Refused as refused:
            self._tell("end", plain(refused))

    async def command(self, act: str, ref: str, **fields: Any) -> None:
        try:
            seq = await getattr(self.room, act)(**fields, ref=ref)
        except Refused as refused:
            self._tell("answer", {"ref": ref, **plain(refused)})
        else:
            self._tell("answer", {"ref": ref, "seq": seq})

    async def close(self) -> None:
        await self.room.close()

    async def reconnect(self) -> None:
        self.room.reconnect()

    async def pause(self) -> None:
        self._reading.clear()

    async def resume(self) -> None:
        self._reading.set()

    async def _token(self) -> str:
        self._tell("asked")
        return self._tokens.pop(0) if len(self._tokens) > 1 else self._tokens[0]

    def _tell_of(self, event: str, detail: object) -> None:
        self._tell(event, plain(detail))

    def _tell(self, event: str, data: Fields | None = None) -> None:
        self._emit({"room": self._name, "event": event, "data": data})


def plain(detail: object) -> Fields:
    """What an event carries, in the names of the JavaScript client."""
    if isinstance(detail, Refused):
        return {
            "code": detail.code,
            "retry": detail.retry,
            "retryAfter": detail.retry_after,
            "closeCode": detail.close_code,
        }
    if isinstance(detail, Entry):
        return dict(detail.frame)
    if isinstance(detail, tuple):  # A named one.
        return dict(detail._asdict())  # type: ignore[attr-defined]
    assert isinstance(detail, dict)
    return detail
