"""A run's figures as tables in Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.goals import Verdict
from bench.results import Cell, Sample, cells, variants
from bench.scenarios.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the summary: a variant of a scenario, in words of its own."""

    name: str
    scenario: str
    variant: str
    better: str = "more"


SUMMARY = (
    Row("connections/s until in the room", "connect-rate", "until in the room"),
    Row("answers/s, 1 author", "durable-publish", "1 author"),
    Row("answers/s, 50 authors in rooms of their own", "durable-publish", "50 authors"),
    Row("deliveries/s, 200 rooms of 5", "many-rooms", "200 rooms"),
    Row("deliveries/s to 500, 1 message in flight", "fan-out", "128 bytes, 1 in flight"),
    Row("deliveries/s to 500, 16 in flight", "fan-out", "128 bytes, 16 in flight"),
    Row("deliveries/s to 500, 64 in flight", "fan-out", "128 bytes, 64 in flight"),
    Row("ms until the answer, p50", "ack-latency", "p50", "less"),
    Row("KB for an idle connection", "idle-memory", "each", "less"),
    Row("seconds until 4,000 are back", "reconnect-storm", "4000 clients, seconds", "less"),
)
# By column, which peer answers: FastAPI's tutorial has its echo where it has to answer.
COLUMNS = (
    ("FastAPI's tutorial", ("tutorial", "echo")),
    ("Centrifugo, in memory", ("centrifugo",)),
    ("Centrifugo, PostgreSQL", ("centrifugo-pg",)),
)


def summary(samples: Sequence[Sample]) -> list[str]:
    """The variants that matter most: ours, and three others with how much better ours is."""
    lines = [_line(["", "Itemroom", *(name for name, _ in COLUMNS)]), "|---" * 5 + "|"]
    for row in SUMMARY:
        found = cells(samples, row.scenario, row.variant, better=row.better)
        by_peer = {cell.peer: cell for cell in found}
        theirs = [next((by_peer[p] for p in peers if p in by_peer), None) for _, peers in COLUMNS]
        if ours := by_peer.get("itemroom"):
            lines.append(_line([row.name, f"**{_median(ours)}**", *map(_compared, theirs)]))
    return lines


def wide(scenario: Scenario, samples: Sequence[Sample], part: str = "") -> list[str]:
    """A scenario's medians: a column for each peer, with how much better ours is.

    Shown are the variants that have `part` in their names.
    """
    names = [name for name in variants(samples, scenario.name) if part in name]
    measured = {sample.peer for sample in samples if sample.scenario == scenario.name}
    peers = [peer for peer in scenario.peers if peer in measured]
    lines = [_headline(scenario), "", _line(["", *peers]), "|---" * (len(peers) + 1) + "|"]
    for variant in names:
        found = cells(samples, scenario.name, variant, better=scenario.better)
        by_peer = {cell.peer: cell for cell in found}
        lines.append(_line([variant, *(_compared(by_peer.get(peer)) for peer in peers)]))
    return lines


def detailed(scenario: Scenario, samples: Sequence[Sample]) -> list[str]:
    """A scenario with all that was measured: the rounds' range, and the cores' shares."""
    columns = ["variant", "peer", "median", "ours is better by", "server", "load", "others"]
    lines = [_headline(scenario), "", _line(columns), "|---" * len(columns) + "|"]
    for variant in variants(samples, scenario.name):
        for cell in cells(samples, scenario.name, variant, better=scenario.better):
            shares = [f"{share:.0%}" if any(cell.shares) else "" for share in cell.shares]
            lines.append(_line([variant, cell.peer, _median(cell), _range(cell), *shares]))
    return lines


def goals(judged: Iterable[Verdict]) -> list[str]:
    """What the product wants to reach, and whether it does."""
    lines = ["| goal | wanted | measured | |", "|---|---|---|---|"]
    for verdict in judged:
        goal = verdict.goal
        if goal.peer is None:
            wanted = f"{'≤' if goal.better == 'less' else '≥'} {goal.bound:g}"
        else:
            wanted = f"≥ {goal.bound:g} x {goal.peer}"
        said = "reached" if verdict.reached else "**missed**"
        measured = _range(verdict.cell) if goal.peer else number(verdict.value)
        form = "" if goal.ours == "itemroom" else f", {goal.ours}"
        lines.append(_line([f"{goal.scenario}, {goal.variant}{form}", wanted, measured, said]))
    return lines


def number(value: float) -> str:
    """Three digits that count: no run of this is more exact."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:.2f} M"
    if value >= 10_000:
        return f"{value / 1000:.0f} k"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def heading(scenario: Scenario) -> str:
    """What a scenario measures."""
    return f"{scenario.title} ({scenario.unit}; {scenario.better} is better)"


def _headline(scenario: Scenario) -> str:
    return f"**{scenario.name}**: {heading(scenario)}"


def _median(cell: Cell) -> str:
    return f"{number(cell.median)}{'*' * cell.load_bound}"


def _compared(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    return _median(cell) if cell.ratio is None else f"{_median(cell)} ({cell.ratio:.2f})"


def _range(cell: Cell) -> str:
    if cell.ratio is None or cell.lowest is None or cell.highest is None:
        return ""
    return f"{cell.ratio:.2f} x ({cell.lowest:.2f} to {cell.highest:.2f})"


def _line(columns: Iterable[str]) -> str:
    return f"| {' | '.join(columns)} |"
