"""Medians of rounds, and ratios that are taken within each round."""

import pytest

from bench.results import Sample, cells, disturbed, is_misled, variants


def sample(peer: str, round_: int, value: float, **more: float) -> Sample:
    return Sample("fan-out", "1 in flight", peer, round_, value, **more)


def test_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    """A machine that was slower in one round was so for everybody in that round."""
    samples = [
        sample("itemroom", 0, 200),
        sample("tutorial", 0, 100),
        sample("itemroom", 1, 20),
        sample("tutorial", 1, 10),
        sample("itemroom", 2, 300),
        sample("tutorial", 2, 100),
    ]
    ours, theirs = cells(samples, "fan-out", "1 in flight", better="more")
    assert (ours.peer, ours.median, ours.ratio) == ("itemroom", 200, None)
    assert (theirs.median, theirs.ratio) == (100, 2)
    assert (theirs.lowest, theirs.highest) == (2, 3)


@pytest.mark.parametrize(("better", "ratio"), [("more", 4), ("less", 0.25)])
def test_ratio_above_one_says_that_ours_is_better(better: str, ratio: float) -> None:
    """Whether more or less of it is better."""
    samples = [sample("itemroom", 0, 8), sample("ws", 0, 2)]
    assert cells(samples, "fan-out", "1 in flight", better=better)[1].ratio == ratio


def test_first_of_our_forms_is_the_one_that_others_are_compared_with() -> None:
    """On PostgreSQL there is no server on a file; the form that comes second is a peer."""
    samples = [
        sample("itemroom-pg-redis", 0, 8),
        sample("itemroom-pg", 0, 4),
        sample("transaction", 0, 2),
    ]
    ours, second, theirs = cells(samples, "fan-out", "1 in flight", better="more")
    assert (ours.ratio, second.ratio, theirs.ratio) == (None, 2, 4)


def test_round_that_one_of_both_missed_has_no_ratio() -> None:
    """A peer that failed in a round is not compared with another round's figure."""
    samples = [sample("itemroom", 0, 8), sample("ws", 1, 2)]
    (_, theirs) = cells(samples, "fan-out", "1 in flight", better="more")
    assert (theirs.median, theirs.ratio, theirs.lowest) == (2, None, None)


@pytest.mark.parametrize(("share", "bound"), [(0.99, True), (0.6, False)])
def test_load_at_its_end_is_said(share: float, *, bound: bool) -> None:
    """A figure that the load sets says little of the server."""
    (cell,) = cells(
        [sample("nchan", 0, 5, load_share=share)], "fan-out", "1 in flight", better="more"
    )
    assert cell.load_bound is bound


def test_variants_come_in_the_order_of_measuring() -> None:
    """Each once, and none of another scenario."""
    samples = [Sample("a", name, "ws", 0, 1.0) for name in ("16", "1", "16")]
    samples.append(Sample("b", "other", "ws", 0, 1.0))
    assert variants(samples, "a") == ["16", "1"]


def test_samples_of_a_busy_machine_are_counted() -> None:
    """Whoever runs a test suite beside the benchmark is told so."""
    shares = (0.0, 0.05, 0.6)
    samples = [sample("ws", 0, 1, server_share=0.9, other_share=share) for share in shares]
    assert disturbed([*samples, sample("ws", 0, 1)]) == (1, 3)


@pytest.mark.parametrize(("busy", "misled"), [(1, False), (2, True)])
def test_median_of_a_quiet_machine_is_believed(busy: int, *, misled: bool) -> None:
    """One bad round of three moves no median; two of them may be what it is."""
    shares = (0.6,) * busy + (0.0,) * (3 - busy)
    samples = [
        sample("ws", number, 1, server_share=0.9, other_share=share)
        for number, share in enumerate(shares)
    ]
    samples += [sample("nchan", number, 1, server_share=0.9) for number in range(3)]
    assert is_misled(samples) is misled
