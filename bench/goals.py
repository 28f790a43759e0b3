"""What the product wants to reach, as ratios of one run; docs/benchmarks.md says where it does."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import Cell, Sample, cells


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio to a peer, or with `peer` None a value, that is at least, or at most, `bound`.

    A ratio is that of the form of ours that the scenario has first; a value is that of `ours`.
    """

    scenario: str
    variant: str
    peer: str | None
    bound: float
    better: str = "more"
    ours: str = "itemroom"


GOALS = (
    Goal("connect-rate", "until in the room", "tutorial", 1),
    Goal("connect-rate", "until in the room", "centrifugo", 0.7),
    Goal("durable-publish", "50 authors", "echo", 0.5),
    Goal("durable-publish", "50 authors", "centrifugo", 0.5),
    Goal("durable-publish", "50 authors", "centrifugo-pg", 1),
    Goal("ack-latency", "p50", None, 0.35, "less"),
    Goal("many-rooms", "200 rooms", "centrifugo", 1),
    Goal("fan-out", "128 bytes, 1 in flight", "centrifugo", 1),
    Goal("fan-out", "128 bytes, 16 in flight", "centrifugo", 1),
    Goal("fan-out", "128 bytes, 64 in flight", "centrifugo", 2.5),
    Goal("streams", "1000 texts, p99", None, 150, "less"),
    Goal("idle-memory", "each", None, 6, "less"),
    Goal("history-page", "10 M entries against 10 k", None, 1.5, "less"),
    Goal("resume", "server memory", None, 4, "less"),
    Goal("resume", "others' p99, during against before", None, 2, "less"),
    Goal("floods", "1 x any, p99, flooded against beside", None, 2, "less"),
    Goal("floods", "1 x any, server memory, MB", None, 10, "less"),
    Goal("floods", "1 x any, seconds to the last cut", None, 2, "less"),
    Goal("floods", "50 x any, p99, flooded against beside", None, 2, "less"),
    Goal("floods", "50 x any, server memory, MB", None, 10, "less"),
    Goal("floods", "50 x any, seconds to the last cut", None, 2, "less"),
    Goal("pg-publish-1", "50 authors", "transaction", 10),
    Goal("pg-publish-1", "50 authors", "centrifugo-pg", 2),
    Goal("pg-other-server", "since the answer, p50", None, 1.5, "less", "itemroom-pg-redis"),
    Goal("pg-other-server", "since the answer, p50", None, 2.5, "less", "itemroom-pg"),
    Goal("pg-idle-rooms", "PostgreSQL", None, 2, "less", "itemroom-pg"),
    Goal("pg-idle-rooms", "PostgreSQL", None, 2, "less", "itemroom-pg-redis"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, and what was measured: of the peer, or of ours."""

    goal: Goal
    cell: Cell
    value: float

    @property
    def reached(self) -> bool:
        """Whether it is as good as it should be."""
        if self.goal.peer is None and self.goal.better == "less":
            return self.value <= self.goal.bound
        return self.value >= self.goal.bound


def verdicts(samples: Sequence[Sample]) -> list[Verdict]:
    """The goals that this run has something to say of."""
    found = []
    for goal in GOALS:
        wanted = goal.peer or goal.ours
        for cell in cells(samples, goal.scenario, goal.variant, better=goal.better):
            value = cell.median if goal.peer is None else cell.ratio
            if cell.peer == wanted and value is not None:
                found.append(Verdict(goal, cell, value))
    return found
