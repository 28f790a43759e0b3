"""A carrier in this process, which loses, doubles and turns round what it is told to."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from api.nodes.broker import Broker
from api.nodes.carrier import BrokenCarrierError, Carrier, Message
from api.nodes.hints import Hint, decode

Faults = Callable[[list[bytes]], list[bytes]]


def losing(*kinds: type[Hint]) -> Faults:
    """The faults of a carrier that loses some kinds of hints.

    Not the broker's own beats, unless they are meant: without those it looks at everything itself.
    """

    def kept(hints: list[bytes]) -> list[bytes]:
        told = [(data, decode(data)) for data in hints]
        return [data for data, one in told if one is None or not isinstance(one.hint, kinds)]

    return kept


class Counted(Broker):
    """A broker whose counts can be seen."""

    def __init__(self, connect: Callable[[], Carrier], *, boot: str, place: str) -> None:
        self.counts: Counter[str] = Counter()
        super().__init__(connect, boot=boot, place=place, count=self._counted)

    def _counted(self, way: str, hints: int) -> None:
        self.counts[way] += hints


class Ether:
    """Where all carriers of a test meet.

    `faults` makes of the hints of each batch what each hears of it; `is_broken`: nothing can be
    opened; `is_silent`: nothing comes, and nobody is told why.
    """

    def __init__(self) -> None:
        self.carriers: set[FakeCarrier] = set()
        self.faults: Faults = list
        self.is_broken = False
        self.is_silent = False

    def broker(self, boot: str) -> "Counted":
        return Counted(lambda: FakeCarrier(self), boot=boot, place="ether")

    def cut(self) -> None:
        """All connections break."""
        for carrier in tuple(self.carriers):
            carrier.broken.set()


class FakeCarrier:
    bodies = True
    max_bytes = 10_000

    def __init__(self, ether: Ether) -> None:
        self._ether = ether
        self._topics: set[int] = set()
        self.broken = asyncio.Event()
        self.is_closed = False

    async def open(self) -> None:
        if self._ether.is_broken:
            raise BrokenCarrierError("nobody answers")
        self._ether.carriers.add(self)

    async def close(self) -> None:
        self._ether.carriers.discard(self)
        self.is_closed = True

    async def subscribe(self, topics: Sequence[int]) -> None:
        self._topics |= set(topics)
        for topic in topics:
            if not self._ether.is_silent:
                self.confirmed(topic)

    async def unsubscribe(self, topics: Sequence[int]) -> None:
        self._topics -= set(topics)

    async def send(self, messages: Sequence[Message]) -> None:
        if self._ether.is_silent:
            return
        for carrier in tuple(self._ether.carriers):
            mine = [data for topic, data in messages if topic in carrier._topics]
            for data in self._ether.faults(mine):
                carrier.heard(data)

    async def listen(
        self, heard: Callable[[bytes], None], confirmed: Callable[[int], None]
    ) -> None:
        self.heard, self.confirmed = heard, confirmed
        await self.broken.wait()
        raise BrokenCarrierError("cut")


class Recorded:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []
        self.items: list[int] = []
        self.gaps = 0

    def heard(self, hint: Hint) -> None:
        self.hints.append(hint)

    def confirmed(self, item_key: int) -> None:
        self.items.append(item_key)

    def gap(self) -> None:
        self.gaps += 1


async def until(condition: Callable[[], object]) -> None:
    """Wait for it; the test's own deadline ends what never comes."""
    while not condition():
        await asyncio.sleep(0.005)
