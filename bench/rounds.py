"""Rounds: every peer in turn, again and again, so that each meets the same machine."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import uvloop

from bench.load.connections import RefusedError
from bench.machine import Cores
from bench.peers.peer import AbsentError, Peer, log_of, started
from bench.results import Sample
from bench.scenarios.every import rounds_of
from bench.scenarios.scenario import Effort, Scenario

logger = logging.getLogger("bench")


class Rounds:
    """Runs scenarios against peers, and keeps what they say.

    Args:
        peers: installed; by name.
        cores: who computes where.
        effort: of each run.
        count: of rounds, at the most.
    """

    def __init__(self, peers: dict[str, Peer], cores: Cores, effort: Effort, count: int) -> None:
        self.samples: list[Sample] = []
        self.failed: dict[str, str] = {}
        """Why a peer has no figure in a scenario."""
        self._peers = peers
        self._cores = cores
        self._effort = effort
        self._count = count

    def run(self, scenario: Scenario) -> None:
        """Round by round; within each, peer by peer."""
        for number in range(rounds_of(scenario, self._count, self._effort)):
            for name in scenario.peers:
                if name in self._peers:
                    self.samples += self._measure(scenario, self._peers[name], number)

    def _measure(self, scenario: Scenario, peer: Peer, number: int) -> list[Sample]:
        logger.info("%s, round %d: %s", scenario.name, number + 1, peer.name)
        with tempfile.TemporaryDirectory(prefix="itemroom-bench-") as name:
            folder = Path(name)
            try:
                return list(self._samples(scenario, peer, number, folder))
            except (AbsentError, RefusedError, OSError, ExceptionGroup) as error:
                # A peer that breaks under the load is a result, and the others' still count.
                reason = _reason(error)
                self.failed[f"{peer.name} in {scenario.name}"] = reason
                logger.warning("failed: %s\n%s", reason, log_of(folder))
                return []

    def _samples(
        self, scenario: Scenario, peer: Peer, number: int, folder: Path
    ) -> Iterator[Sample]:
        world = scenario.world(self._effort)
        with started(peer, world, folder, core=self._cores.server) as site:
            for figure in uvloop.run(scenario.run(site, self._effort)):
                yield Sample(
                    scenario=scenario.name,
                    variant=figure.variant,
                    peer=peer.name,
                    round=number,
                    value=figure.value,
                    server_share=figure.server_share,
                    load_share=figure.load_share,
                    other_share=figure.other_share,
                )


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    # One line: the rest is in the log.
    return (str(error).strip() or type(error).__name__).splitlines()[-1]
