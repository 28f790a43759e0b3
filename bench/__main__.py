"""`python -m bench`: install the peers, run the rounds, write the report."""

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from bench.machine import cores, describe, pace, pin
from bench.peers.every import every_peer
from bench.peers.install import is_there
from bench.peers.peer import AbsentError, Peer
from bench.report import Report
from bench.rounds import Rounds
from bench.scenarios.every import QUICK, every_scenario
from bench.scenarios.scenario import Effort, Scenario

logger = logging.getLogger("bench")
# Who a quick look compares with: where we began, and what is in C and Go.
QUICK_PEERS = ("itemroom", "tutorial", "echo", "nchan", "limit")
# The same, when it is there: to make it takes minutes.
MADE = "centrifugo"
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Install the peers, measure the scenarios, and write the report."""
    options = _options()
    # Alembic tells of every migration, picows of every connection.
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logger.setLevel(logging.INFO)
    place, machine = cores(), describe()
    if place.shared:
        logger.warning("one core only: server and load take time from each other")
    scenarios = _chosen(options.only, quick=options.quick)
    peers, absent = _install(options.peers, scenarios)
    pin(0, place.load)
    begun = time.monotonic()
    rounds = Rounds(peers, place, Effort(quick=options.quick), options.rounds)
    versions = {name: peer.versions() | {"keeps": peer.keeps} for name, peer in peers.items()}
    report = Report(machine, versions, absent, [])
    for scenario in scenarios:
        rounds.run(scenario)
        minutes = (time.monotonic() - begun) / 60
        machine["after"] = f"{pace():.1f} ms for the same, {minutes:.0f} minutes later"
        report = Report(machine, versions, absent | rounds.failed, rounds.samples)
        # Each time, so that a run that is broken off has measured something.
        report.write(options.out)
    print(report.text())  # noqa: T201 - what a command prints is its answer
    logger.info("written to %s", options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = [scenario.name for scenario in every_scenario()]
    parser.add_argument("--quick", action="store_true", help="a look: less of everything")
    parser.add_argument("--only", action="append", choices=names, help="a scenario; repeatable")
    parser.add_argument("--peers", type=lambda text: text.split(","), help="some: a,b,c")
    parser.add_argument("--rounds", type=int, default=None, help="2 when quick, else 5")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the report")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    if options.quick and options.peers is None:
        options.peers = [*QUICK_PEERS, MADE] if is_there(MADE) else QUICK_PEERS
    return options


def _install(
    names: Sequence[str] | None, scenarios: Sequence[Scenario]
) -> tuple[dict[str, Peer], dict[str, str]]:
    """Who takes part and is there, and why others are not."""
    wanted = {peer for scenario in scenarios for peer in scenario.peers}
    present: dict[str, Peer] = {}
    absent: dict[str, str] = {}
    for peer in every_peer():
        if peer.name not in wanted or (names is not None and peer.name not in names):
            continue
        try:
            peer.install()
        except AbsentError as error:
            absent[peer.name] = str(error)
            logger.warning("%s is absent: %s", peer.title, error)
        else:
            present[peer.name] = peer
            logger.info("%s: %s", peer.title, peer.versions())
    return present, absent


def _chosen(names: Sequence[str] | None, *, quick: bool) -> list[Scenario]:
    wanted = names or (QUICK if quick else None)
    return [scenario for scenario in every_scenario() if wanted is None or scenario.name in wanted]


if __name__ == "__main__":
    main()
