"""A page of history: from a short log and from a very long one."""

import http.client
import statistics
import time
from urllib.parse import urlencode

from bench.peers.itemroom import Rooms
from bench.peers.peer import Site, World
from bench.peers.world import item_id
from bench.scenarios.scenario import Better, Effort, Figure

PAGE = 50
SHORT = 10_000


class HistoryPage:
    """Whether a page costs more when there is more before it."""

    name = "history-page"
    title = "a page of 50 messages by REST, newest and from the middle"
    unit = "ms, or as named"
    better: Better = "less"
    peers = ("itemroom",)

    def world(self, effort: Effort) -> World:
        """A room with 10 k entries, and one with 10 M; a quick look has 1 M."""
        return World(rooms=2, logs=(SHORT, effort.of(10_000_000, 1_000_000)))

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """The same pages of both logs, in turn."""
        if not isinstance(site.dialect, Rooms):
            raise TypeError(f"{site.peer.title} has no history")
        calls = [Pages(site.dialect, room, site.world.entries(room)) for room in range(2)]
        for _ in range(effort.of(300, 100)):
            for pages in calls:
                pages.take()
        short, long = (statistics.median(pages.seconds) for pages in calls)
        names = ["10 k entries", f"{site.world.entries(1) // 1_000_000} M entries"]
        return [
            Figure(names[0], short * 1000),
            Figure(names[1], long * 1000),
            Figure(f"{names[1]} against 10 k", long / short),
        ]


class Pages:
    """Asks for pages of one log, over one HTTP connection."""

    def __init__(self, rooms: Rooms, room: int, entries: int) -> None:
        self.seconds: list[float] = []
        self._http = http.client.HTTPConnection(rooms.site)
        self._headers = dict(rooms.room_address(room, 0).headers)
        self._path = f"/items/{item_id(room)}/messages"
        self._middle = entries // 2

    def take(self) -> None:
        """The newest page, and one from the middle; one time for both."""
        begun = time.perf_counter()
        self._get()
        self._get(before=self._middle)
        self.seconds.append((time.perf_counter() - begun) / 2)

    def _get(self, **query: int) -> None:
        path = f"{self._path}?{urlencode({'limit': PAGE} | query)}"
        self._http.request("GET", path, headers=self._headers)
        response = self._http.getresponse()
        if response.status != 200:
            raise OSError(f"{path} was answered {response.status}")
        response.read()
