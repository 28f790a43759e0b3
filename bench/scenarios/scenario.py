"""What a scenario is, and what it measures."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from bench.machine import all_cpu_seconds
from bench.peers.peer import Site, World

Better = Literal["more", "less"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a run takes on: enough for a figure to hold, or for a look in between."""

    quick: bool

    @property
    def seconds(self) -> float:
        """How long a rate is measured."""
        return 0.5 if self.quick else 1.5

    def of(self, full: int, quick: int) -> int:
        """A size of the scenario."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. The shares are of one core each; 0: not looked at."""

    variant: str
    value: float
    server_share: float = 0.0
    load_share: float = 0.0
    other_share: float = 0.0
    """Of what has nothing to do with the benchmark."""


class Scenario(Protocol):
    """Something that clients do, and how well a peer takes it."""

    name: str
    title: str
    unit: str
    better: Better

    @property
    def peers(self) -> tuple[str, ...]:
        """Who takes part, ours first."""

    def world(self, effort: Effort) -> World:
        """What has to exist before."""

    async def run(self, site: Site, effort: Effort) -> list[Figure]:
        """Measure a peer that was just started."""


@dataclass(slots=True)
class Span:
    """A stretch of time that is measured; complete when its block has ended."""

    seconds: float = 0.0
    server_share: float = 0.0
    load_share: float = 0.0
    other_share: float = 0.0

    def figure(self, variant: str, value: float) -> Figure:
        """A figure of this time."""
        return Figure(variant, value, self.server_share, self.load_share, self.other_share)


@asynccontextmanager
async def measured(site: Site) -> AsyncIterator[Span]:
    """Watch the clock, and what the server's and the load's core compute meanwhile."""
    span = Span()
    everybody, server, load = all_cpu_seconds(), site.cpu_seconds(), time.process_time()
    begun = time.perf_counter()
    yield span
    span.seconds = time.perf_counter() - begun
    span.server_share = (site.cpu_seconds() - server) / span.seconds
    span.load_share = (time.process_time() - load) / span.seconds
    whole = (all_cpu_seconds() - everybody) / span.seconds
    span.other_share = max(0.0, whole - span.server_share - span.load_share)


async def rate(site: Site, variant: str, count: Callable[[], int], effort: Effort) -> Figure:
    """How fast something is counted up, after it has come to speed."""
    await asyncio.sleep(effort.seconds / 3)
    before = count()
    async with measured(site) as span:
        await asyncio.sleep(effort.seconds)
        # Before the shares are read: at full load that takes its time.
        counted = count() - before
    return span.figure(variant, counted / span.seconds)
