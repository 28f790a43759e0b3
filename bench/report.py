"""The report: one table for people, one JSON for programs, one picture for each scenario."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.goals import Verdict, verdicts
from bench.plot import Bar, draw
from bench.results import Cell, Sample, cells, disturbed, variants
from bench.scenarios.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Report:
    """One run of the benchmark."""

    machine: Mapping[str, str]
    peers: Mapping[str, Mapping[str, str]]
    """By peer, the versions of its parts, and what it keeps of a message."""
    absent: Mapping[str, str]
    """Why a peer, or a peer in a scenario, is missing."""
    scenarios: Sequence[Scenario]
    samples: Sequence[Sample]

    def text(self) -> str:
        """The whole report in Markdown."""
        lines = [f"{name}: {value}" for name, value in self.machine.items()]
        if count := disturbed(self.samples):
            lines += ["", f"Something else computed during {count} of {len(self.samples)} figures."]
        lines += ["", "| peer | versions |", "|---|---|"]
        lines += [f"| {peer} | {_listed(parts)} |" for peer, parts in self.peers.items()]
        lines += [f"| {peer} | absent: {why} |" for peer, why in self.absent.items()]
        for scenario in self.scenarios:
            lines += ["", *self._table(scenario)]
        if judged := verdicts(self.samples):
            lines += ["", "| goal | wanted | measured | reached |", "|---|---|---|---|"]
            lines += [_goal_row(verdict) for verdict in judged]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> None:
        """Put all of it into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.md").write_text(self.text())
        whole = {
            "machine": self.machine,
            "peers": self.peers,
            "absent": self.absent,
            "samples": [asdict(sample) for sample in self.samples],
        }
        (folder / "report.json").write_text(json.dumps(whole, indent=1) + "\n")
        for scenario in self.scenarios:
            if picture := self._picture(scenario):
                (folder / f"{scenario.name}.svg").write_text(picture)

    def _table(self, scenario: Scenario) -> list[str]:
        head = (
            f"**{scenario.name}**: {scenario.title}, {scenario.unit}, {scenario.better} is better"
        )
        lines = [head, "", "| variant | peer | median | ours is better by |", "|---|---|---|---|"]
        for variant in variants(self.samples, scenario.name):
            lines += [
                f"| {variant} | {cell.peer} | {number(cell.median)}{'*' * cell.load_bound} "
                f"| {_ratio(cell)} |"
                for cell in self._cells(scenario, variant)
            ]
        return lines

    def _picture(self, scenario: Scenario) -> str | None:
        groups = {
            variant: [
                Bar(cell.peer, cell.median, number(cell.median))
                for cell in self._cells(scenario, variant)
            ]
            for variant in variants(self.samples, scenario.name)
        }
        if not groups:
            return None
        return draw(_heading(scenario), groups)

    def _cells(self, scenario: Scenario, variant: str) -> list[Cell]:
        return cells(self.samples, scenario.name, variant, better=scenario.better)


def number(value: float) -> str:
    """Three digits that count: no run of this is more exact."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:.2f} M"
    if value >= 10_000:
        return f"{value / 1000:.0f} k"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _heading(scenario: Scenario) -> str:
    return f"{scenario.title} ({scenario.unit}; {scenario.better} is better)"


def _ratio(cell: Cell) -> str:
    if cell.ratio is None or cell.lowest is None or cell.highest is None:
        return ""
    return f"{cell.ratio:.2f} x ({cell.lowest:.2f} to {cell.highest:.2f})"


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _goal_row(verdict: Verdict) -> str:
    goal = verdict.goal
    name = f"{goal.scenario}, {goal.variant}"
    if goal.peer is None:
        wanted = f"{'≤' if goal.better == 'less' else '≥'} {goal.bound:g}"
    else:
        wanted = f"≥ {goal.bound:g} x {goal.peer}"
    return f"| {name} | {wanted} | {verdict.value:.3g} | {'yes' if verdict.reached else 'no'} |"
