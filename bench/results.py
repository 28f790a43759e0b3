"""What was measured, and what it amounts to: medians, and ratios taken within each round.

A machine is faster in one minute than in the next. So peers are measured in turn, round by round,
and a ratio is the median of the rounds' own ratios, never a ratio of two medians.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# The product in all its forms. Others are compared with the first of them that a scenario has.
OURS = ("itemroom", "itemroom-pg", "itemroom-pg-redis")
# A core that computes this much of the time sets the pace.
BUSY = 0.95
# Others that compute this much take part in the figures.
DISTURBED = 0.15


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure of one peer in one round. The shares are of one core each; 0: not looked at."""

    scenario: str
    variant: str
    peer: str
    round: int
    value: float
    server_share: float = 0.0
    load_share: float = 0.0
    other_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Cell:
    """What a variant's rounds say of one peer."""

    peer: str
    median: float
    ratio: float | None
    """Ours to theirs, so that more than 1 says that ours is better; None for ours."""
    lowest: float | None
    highest: float | None
    load_bound: bool
    """Whether the load was at its end rather than the server: the peer may be better than that."""
    shares: tuple[float, float, float]
    """The medians of the server's, the load's and everybody else's; of one core each."""


def disturbed(samples: Sequence[Sample]) -> tuple[int, int]:
    """How many samples were taken while something else computed on the same cores; of how many."""
    watched = [sample.other_share for sample in samples if sample.server_share]
    return sum(share >= DISTURBED for share in watched), len(watched)


def is_misled(samples: Sequence[Sample]) -> bool:
    """Whether any median rests on such samples: half of its own are."""
    by_cell: dict[tuple[str, str, str], list[Sample]] = {}
    for sample in samples:
        by_cell.setdefault((sample.scenario, sample.variant, sample.peer), []).append(sample)
    return any(2 * disturbed(cell)[0] >= len(cell) for cell in by_cell.values())


def variants(samples: Iterable[Sample], scenario: str) -> list[str]:
    """A scenario's variants, in the order in which they were measured."""
    return list(dict.fromkeys(s.variant for s in samples if s.scenario == scenario))


def cells(samples: Iterable[Sample], scenario: str, variant: str, *, better: str) -> list[Cell]:
    """Every peer of a variant, ours first as it is measured first."""
    chosen = [s for s in samples if (s.scenario, s.variant) == (scenario, variant)]
    by_peer: dict[str, list[Sample]] = {}
    for sample in chosen:
        by_peer.setdefault(sample.peer, []).append(sample)
    first = next((peer for peer in by_peer if peer in OURS), None)
    ours = {sample.round: sample.value for sample in chosen if sample.peer == first}
    return [
        _cell(peer, theirs, {} if peer == first else ours, better)
        for peer, theirs in by_peer.items()
    ]


def _cell(peer: str, samples: Sequence[Sample], ours: dict[int, float], better: str) -> Cell:
    ratios = [
        _ratio(ours[sample.round], sample.value, better)
        for sample in samples
        if sample.round in ours and sample.value and ours[sample.round]
    ]
    shares = (
        statistics.median(sample.server_share for sample in samples),
        statistics.median(sample.load_share for sample in samples),
        statistics.median(sample.other_share for sample in samples),
    )
    return Cell(
        peer,
        statistics.median(sample.value for sample in samples),
        statistics.median(ratios) if ratios else None,
        min(ratios, default=None),
        max(ratios, default=None),
        # Shares of two busy cores add up to less than 2 when others compute too.
        shares[1] >= BUSY,
        shares,
    )


def _ratio(ours: float, theirs: float, better: str) -> float:
    return ours / theirs if better == "more" else theirs / ours
