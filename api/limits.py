"""How much, how fast: token buckets and a bounded table of them. Pure.

Times are seconds of a monotonic clock, which the caller reads: once for many buckets.
"""

import ipaddress
from collections import OrderedDict
from math import inf

from .addresses import parse_address

# Enough for every network that connects within the seconds that a bucket takes to fill again;
# a row takes about 300 bytes.
MAX_KEYS = 20_000


class Bucket:
    """Lets `rate` things a second pass, and `burst` of them at once. A rate of 0 is no limit."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        # With less than one token nothing would ever pass.
        self._burst = max(burst, 1.0)
        self._tokens = self._burst
        self._at = 0.0

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take one token. 0.0: taken; else nothing was, and these seconds have to pass first.

        Args:
            now: the clock's time.
            cost: tokens that it costs; no more than the bucket holds.
        """
        if not self._rate:
            return 0.0
        cost = min(cost, self._burst)
        self._tokens = min(self._burst, self._tokens + max(now - self._at, 0.0) * self._rate)
        self._at = now
        if self._tokens < cost:
            return (cost - self._tokens) / self._rate
        self._tokens -= cost
        return 0.0


class Buckets:
    """A bucket for each key, the least recently used of them forgotten first.

    To be forgotten is to start over with a full bucket, so an attacker who owns more networks
    than `max_keys` gains what he has anyway: a burst from each.
    """

    def __init__(self, rate: float, burst: float, *, max_keys: int = MAX_KEYS) -> None:
        self._rate = rate
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    @property
    def most(self) -> float:
        """What one key may take at once, at the most."""
        return max(self._burst, 1.0) if self._rate else inf

    def take(self, key: str, now: float, cost: float = 1.0) -> float:
        """Take one token of the key's bucket, or what it costs; see `Bucket.take`."""
        if not self._rate:
            return 0.0
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, self._burst)
            if len(self._buckets) > self._max_keys:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now, cost)


def network_of(address: str) -> str:
    """What a client's address is counted by: IPv4 whole, IPv6 by /64, which one host owns whole."""
    ip = parse_address(address)
    if ip is None:
        return address[:64]  # A proxy's own word, or the name of a Unix socket.
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ipaddress.IPv6Network((ip, 64), strict=False))
