"""Races that are made certain: all wait at one row, and go on in the order in which they came."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg

from api.errors import Refusal
from tests.programs.postgresql import Cluster
from tests.programs.waiting import until

T = TypeVar("T")
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class Barrier:
    """Whoever needs what a foreign transaction holds waits, until it is opened."""

    def __init__(self, cluster: Cluster, url: str) -> None:
        self._cluster = cluster
        self._url = url
        self._waiting = 0

    async def add(self, awaitable: Awaitable[T]) -> "asyncio.Task[T | Refusal]":
        """Begin something, and see that it waits."""
        task = asyncio.create_task(_answer(awaitable))
        self._waiting += 1
        await asyncio.to_thread(until, self._is_full)
        return task

    def _is_full(self) -> bool:
        ((waiting,),) = self._cluster.run(_WAITING, self._url)
        return waiting == self._waiting


async def _answer(awaitable: Awaitable[T]) -> T | Refusal:
    try:
        return await awaitable
    except Refusal as refusal:
        return refusal


@asynccontextmanager
async def barrier(cluster: Cluster, url: str, sql: str, *values: Any) -> AsyncIterator[Barrier]:
    """What this statement holds is held until the end of the block."""
    with psycopg.connect(url) as foreign:
        foreign.execute(sql.encode(), values)
        yield Barrier(cluster, url)
        foreign.rollback()


def code_of(answer: object) -> str:
    """Why it was refused."""
    assert isinstance(answer, Refusal)
    return answer.code
