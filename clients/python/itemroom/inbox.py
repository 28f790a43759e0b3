"""What is new in somebody's items, kept current."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

from websockets.exceptions import ConnectionClosed

from itemroom.core import verdicts
from itemroom.core.backoff import Backoff
from itemroom.core.errors import Refused
from itemroom.core.frames import InboxItem
from itemroom.core.silence import PING, Silence
from itemroom.credentials import Credentials
from itemroom.opening import Channel, farewell

# Items on a page of the first list.
PAGE = 100


class Totals(NamedTuple):
    """Messages that are not read, and those of them that name the user, in all items."""

    unread: int
    mentions: int


class Inbox:
    """All items of a user. Iterate over it to hear of each that changes, as it is then.

    Args:
        url: the server's, with ws or wss.
        credentials: whose.
        join: makes a connection on which changes are told.
    """

    def __init__(
        self, url: str, credentials: Credentials, join: Callable[[], Awaitable[Channel]]
    ) -> None:
        self.items: dict[str, InboxItem] = {}
        """By id, as the server has last told them."""
        self._url = url
        self._credentials = credentials
        self._join = join
        self._since: str | None = None  # Since when the server has to say what has changed.
        self._changed: dict[str, InboxItem] = {}  # What nobody has been given yet, the newest each.
        self._news = asyncio.Event()
        self._ready = asyncio.Event()
        self._backoff = Backoff()
        self._end: Refused | None = None
        self._task = asyncio.create_task(self._run())

    @property
    def totals(self) -> Totals:
        """Of all items."""
        items = self.items.values()
        return Totals(
            sum(item["unread"] for item in items), sum(item["mentions"] for item in items)
        )

    async def ready(self) -> None:
        """Wait until `items` has all there is; raises Refused if it never will."""
        await self._ready.wait()
        if self._end is not None:
            raise self._end

    async def close(self) -> None:
        """Hear no more of it."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._finish(Refused("closed", "The inbox was closed."))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> InboxItem:
        """The next item that has changed; whoever is slow is given the newest of each."""
        while not self._changed:
            if self._end is not None:
                raise StopAsyncIteration if self._end.code == "closed" else self._end
            self._news.clear()
            await self._news.wait()
        return self._changed.pop(next(iter(self._changed)))

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except Refused as refused:
                if refused.retry != "later":
                    self._finish(refused)
                    return
                await asyncio.sleep(max(refused.retry_after or 0.0, self._backoff.next()))

    async def _follow(self) -> None:
        """One connection, until it ends; raises Refused."""
        if self._since is None:
            self._since = await self._list()
        channel = await self._join()
        silence = Silence()
        silence.begin(time.monotonic())
        try:
            await channel.send(json.dumps({"type": "watch", "since": self._since}))
            while True:
                self._received(json.loads(await _hear(channel, silence)))
        except ConnectionClosed as closed:
            raise farewell(closed) from closed
        except Refused as refused:
            if refused.close_code is None:
                channel.transport.abort()  # No farewell to a server that says nothing.
            raise
        finally:
            await channel.close()

    async def _list(self) -> str:
        """The first list; when it was asked for."""
        import httpx2  # noqa: PLC0415 - who only has rooms needs no library for REST.

        shown = await self._credentials.show()
        headers = [(name.encode(), text.encode("latin-1")) for name, text in shown.headers.items()]
        query: dict[str, Any] = {"limit": PAGE}
        since = ""
        async with httpx2.AsyncClient(headers=headers) as client:
            while True:
                try:
                    answer = await client.get(f"http{self._url[2:]}/inbox", params=query)
                except httpx2.TransportError as error:
                    raise Refused("unreachable", str(error), retry="later") from error
                if not answer.is_success:
                    raise verdicts.denied(answer.status_code, answer.headers, answer.content)
                page = answer.json()
                since = since or page["at"]
                self.items |= {item["item"]["id"]: item for item in page["items"]}
                if page["next"] is None:
                    return since
                query["after"] = page["next"]

    def _received(self, frame: dict[str, Any]) -> None:
        match frame.pop("type"):
            case "inbox":
                self._put(frame["item"]["id"], frame)
            case "watching":
                self._since = frame["at"]
                self._backoff.reset()
                self._ready.set()
            case "closing":
                raise verdicts.closing(frame)

    def _put(self, item_id: str, item: Any) -> None:
        self.items.pop(item_id, None)
        if item["role"] is not None:
            self.items[item_id] = item
        self._changed[item_id] = item
        self._news.set()

    def _finish(self, refused: Refused) -> None:
        self._end = self._end or refused
        self._ready.set()
        self._news.set()


async def _hear(channel: Channel, silence: Silence) -> str | bytes:
    """The next frame; raises ConnectionClosed, or Refused when there is no sign of life."""
    while True:
        is_ping_due, wait = silence.watch(time.monotonic(), is_awaited=False)
        if is_ping_due:
            await channel.send(PING)
        try:
            async with asyncio.timeout(wait):
                frame = await channel.recv()
        except TimeoutError:
            silence.check(time.monotonic())
        else:
            silence.heard(time.monotonic())
            return frame
