"""Slows down who guesses passwords, without ever locking anybody out."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import Refusal
from ..limits import Bucket

# Failures are counted for one account from one network; for an account, against a botnet; and for
# a network, against one password tried on everybody. The latter two are shared with people who did
# nothing: so they may fail this many times more often,
SHARED_FACTOR = 10
# and cost at most these seconds: a few guesses a minute, and no lock.
SHARED_MAX_WAIT = 10.0
# Who comes from a network that has failed so often takes turns: seconds between two of them. Nobody
# is sent away unseen because of others there, unless the line is longer than the wait above.
PACE = 1.0
# Nor is the right password of an account refused because a neighbour has guessed at it: tries that
# come before their time are looked at all the same, this many at once and one in so many seconds.
# A wrong one is told to wait. It leaves 3,000 guesses a day, of a password of 8 characters.
LOOKS = 20
LOOK_EVERY = 30.0
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
    looks: Bucket = field(default_factory=lambda: Bucket(1 / LOOK_EVERY, LOOKS))


@dataclass(frozen=True, slots=True)
class Turn:
    """When one try may be looked at."""

    delay: float = 0.0
    """Seconds until then."""
    is_early: bool = False
    """If it fails, it came too early, whatever it was."""


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

    def admit(self, network: str, account: str) -> Turn:
        """Let one try through, in its turn.

        Beyond the free failures a try books its wait at once, before it is known to fail:
        otherwise any number of them could be under way together.

        Raises:
            Refusal: `rate_limited`.
        """
        if self._unlimited:
            return Turn()
        now = self._clock()
        is_early = self._book_pair(network, account, now)
        if (network, account) in self._homes:
            return Turn(is_early=is_early)
        self._book(self._peek(("*", account), now), self._shared, now)
        return Turn(self._queue(network, now), is_early)

    def _book_pair(self, network: str, account: str, now: float) -> bool:
        count = self._peek((network, account), now)
        if count.next_at > now and count.looks.take(now) == 0.0:
            return True
        self._book(count, self._pair, now)
        return False

    def _book(self, count: _Count, rule: _Rule, now: float) -> None:
        if count.next_at > now:
            raise _too_many(count.next_at - now)
        count.next_at = now + rule.wait(count.failures)

    def _queue(self, network: str, now: float) -> float:
        """Seconds until it is this try's turn: it counts as failed until it has succeeded."""
        key = (network, "*")
        count = self._counts[key] = self._peek(key, now)
        delay = max(count.next_at - now, 0.0)
        if delay > SHARED_MAX_WAIT:
            raise _too_many(delay - SHARED_MAX_WAIT)
        self._note_failure(key, count, now)
        if count.failures > self._shared.free:
            count.next_at = now + delay + PACE
        return delay

    def fail(self, network: str, account: str) -> float:
        """The try failed; the seconds until the next one is welcome."""
        if self._unlimited:
            return 0.0
        now = self._clock()
        rules = {(network, account): self._pair}
        if (network, account) not in self._homes:
            rules["*", account] = self._shared
        for key, rule in rules.items():
            count = self._peek(key, now)
            self._note_failure(key, count, now)
            count.next_at = now + rule.wait(count.failures)
        return self._counts[network, account].next_at - now

    def _note_failure(self, key: Key, count: _Count, now: float) -> None:
        count.failures += 1
        count.seen_at = now
        self._counts[key] = count
        self._counts.move_to_end(key)
        _trim(self._counts, self._max_entries)

    def succeed(self, network: str, account: str) -> None:
        """The try succeeded: the account's failures from this network are forgotten."""
        pair = (network, account)
        if pair not in self._homes and (count := self._counts.get((network, "*"))) is not None:
            count.failures -= 1
        self._settle(pair)

    def heard(self, network: str, account: str, *, succeeded: bool) -> None:
        """A try at another server of the same accounts: it counts as one here."""
        if self._unlimited:
            return
        if succeeded:
            self._settle((network, account))
            return
        if (network, account) not in self._homes:
            now, key = self._clock(), (network, "*")
            self._note_failure(key, self._peek(key, now), now)
        self.fail(network, account)

    def _settle(self, pair: Key) -> None:
        self._counts.pop(pair, None)
        self._homes[pair] = None
        self._homes.move_to_end(pair)
        _trim(self._homes, self._max_entries)

    def _peek(self, key: Key, now: float) -> _Count:
        count = self._counts.get(key)
        if count is None or now - count.seen_at > self._forget_after:
            return _Count()
        return count


def _trim(table: "OrderedDict[Key, _Count] | OrderedDict[Key, None]", size: int) -> None:
    while len(table) > size:
        table.popitem(last=False)


def _too_many(wait: float) -> Refusal:
    return Refusal("rate_limited", "Too many failed tries.", retry_after=wait)
