"""Slows down who guesses passwords, without ever locking anybody out."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from api.errors import Refusal

# Failures are counted for one account from one network; for an account, against a botnet; and for
# a network, against one password tried on everybody. The latter two are shared with people who did
# nothing: so they may fail this many times more often,
SHARED_FACTOR = 10
# and cost at most these seconds: a few guesses a minute, and no lock.
SHARED_MAX_WAIT = 10.0
# Failures older than this many times the longest wait are forgotten.
FORGET_FACTOR = 4
MAX_ENTRIES = 20_000  # About 4 MB. Whoever was seen longest ago goes first.

Key = tuple[str, str]


@dataclass(slots=True)
class _Count:
    """The failures under one key, and the clock's time before which no try is let through."""

    failures: int = 0
    next_at: float = 0.0
    seen_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Rule:
    """From how many failures on a try has to wait, and how long at most."""

    free: int
    max_wait: float

    def wait(self, failures: int) -> float:
        """Seconds: 1, 2, 4, … from the first failure that is not free."""
        if failures < self.free:
            return 0.0
        return min(self.max_wait, 2.0 ** min(failures - self.free, 30))


class LoginThrottle:
    """Counts failed logins, in memory. Used from the event loop alone.

    Args:
        failures: that are free, for one account from one network; 0: no limit at all.
        max_wait: seconds between two tries, at the most.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        *,
        failures: int,
        max_wait: float,
        clock: Callable[[], float] = time.monotonic,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self._unlimited = failures == 0
        self._pair = _Rule(failures, max_wait)
        self._shared = _Rule(failures * SHARED_FACTOR, min(max_wait, SHARED_MAX_WAIT))
        self._forget_after = max_wait * FORGET_FACTOR
        self._clock = clock
        self._max_entries = max_entries
        self._counts: OrderedDict[Key, _Count] = OrderedDict()
        # Where accounts have signed in from: there strangers' failures count for nothing.
        self._homes: OrderedDict[Key, None] = OrderedDict()

    def __len__(self) -> int:
        """What is remembered, of failures and of successes."""
        return len(self._counts) + len(self._homes)

    def admit(self, network: str, account: str) -> None:
        """Let one try through.

        Beyond the free failures a try books its wait at once, before it is known to fail:
        otherwise any number of them could be under way together.

        Raises:
            Refusal: `rate_limited`.
        """
        if self._unlimited:
            return
        now = self._clock()
        judged = [(self._peek(key, now), rule) for key, rule in self._rules(network, account)]
        wait = max(count.next_at - now for count, _ in judged)
        if wait > 0:
            raise Refusal("rate_limited", "Too many failed logins.", retry_after=wait)
        for count, rule in judged:
            count.next_at = now + rule.wait(count.failures)

    def fail(self, network: str, account: str) -> None:
        """The try failed."""
        if self._unlimited:
            return
        now = self._clock()
        for key, rule in self._rules(network, account):
            count = self._counts[key] = self._peek(key, now)
            count.failures += 1
            count.seen_at = now
            count.next_at = now + rule.wait(count.failures)
            self._counts.move_to_end(key)
        _trim(self._counts, self._max_entries)

    def succeed(self, network: str, account: str) -> None:
        """The try succeeded: the account's failures from this network are forgotten."""
        pair = (network, account)
        self._counts.pop(pair, None)
        self._homes[pair] = None
        self._homes.move_to_end(pair)
        _trim(self._homes, self._max_entries)

    def _rules(self, network: str, account: str) -> list[tuple[Key, _Rule]]:
        own = [((network, account), self._pair)]
        if (network, account) in self._homes:
            return own
        return [*own, ((network, "*"), self._shared), (("*", account), self._shared)]

    def _peek(self, key: Key, now: float) -> _Count:
        count = self._counts.get(key)
        if count is None or now - count.seen_at > self._forget_after:
            return _Count()
        return count


def _trim(table: "OrderedDict[Key, _Count] | OrderedDict[Key, None]", size: int) -> None:
    while len(table) > size:
        table.popitem(last=False)
