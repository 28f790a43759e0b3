"""Token buckets: what passes, what waits, and what is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.limits import Bucket, Buckets, network_of


def test_burst_taken_asks_to_wait_for_one_token() -> None:
    """A full bucket gives its burst at once, then says when the next token is there."""
    bucket = Bucket(2, 3)
    assert [bucket.take(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_wait_over_takes_again() -> None:
    """Whoever waits as long as was said passes; a refused take costs nothing."""
    bucket = Bucket(2, 1)
    bucket.take(100.0)
    wait = bucket.take(100.0)
    assert bucket.take(100.0) == wait
    assert bucket.take(100.0 + wait) == 0.0


def test_long_silence_fills_to_the_burst_only() -> None:
    """Silence is not saved up beyond the burst."""
    bucket = Bucket(1, 2)
    bucket.take(0.0)
    assert [bucket.take(9999.0) > 0 for _ in range(3)] == [False, False, True]


def test_clock_going_back_takes_nothing_away() -> None:
    """A clock that steps back neither fills nor empties a bucket."""
    bucket = Bucket(1, 2)
    bucket.take(100.0)
    assert bucket.take(50.0) == 0.0
    assert bucket.take(50.0) == 1.0


@pytest.mark.parametrize("burst", [0, 0.5])
def test_burst_below_one_still_lets_one_pass(burst: float) -> None:
    """A rate with no burst at all would otherwise refuse everything for ever."""
    bucket = Bucket(1, burst)
    assert bucket.take(10.0) == 0.0
    assert bucket.take(10.0) == 1.0


def test_rate_zero_never_waits() -> None:
    """0 means unlimited, for a bucket and for a table of them, which then stays empty."""
    buckets = Buckets(0, 0)
    assert not any(Bucket(0, 0).take(1.0) for _ in range(1000))
    assert not any(buckets.take("a", 1.0) for _ in range(1000))
    assert len(buckets) == 0


@given(st.lists(st.floats(0, 5), max_size=50), st.floats(0.1, 50), st.integers(1, 20))
def test_any_pattern_never_passes_more_than_rate_and_burst(
    gaps: list[float], rate: float, burst: int
) -> None:
    """Over any time, at most burst plus rate times time passes."""
    bucket, now, passed = Bucket(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap
        passed += bucket.take(now) == 0.0
    assert passed <= burst + rate * now + 1e-6


def test_keys_do_not_share_tokens() -> None:
    """One key's excess is not another's."""
    buckets = Buckets(1, 1)
    assert buckets.take("a", 5.0) == 0.0
    assert buckets.take("a", 5.0) == 1.0
    assert buckets.take("b", 5.0) == 0.0


def test_table_full_forgets_the_least_recently_used() -> None:
    """The table is bounded, and whoever is active is remembered."""
    buckets = Buckets(1, 1, max_keys=2)
    for key in ("old", "busy"):
        buckets.take(key, 5.0)
    assert buckets.take("busy", 5.0) > 0
    buckets.take("old", 5.0)
    buckets.take("new", 5.0)
    assert len(buckets) == 2
    assert buckets.take("old", 5.0) > 0
    assert buckets.take("busy", 5.0) == 0.0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not an address", "not an address"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_address_is_counted_by_its_network(address: str, network: str) -> None:
    """An IPv6 client owns a /64; a mapped address is the IPv4 one; nonsense stays bounded."""
    assert network_of(address) == network
