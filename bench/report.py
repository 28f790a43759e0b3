"""The report: one text for people, one JSON for programs, one picture for each scenario."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.goals import verdicts
from bench.plot import Bar, draw
from bench.results import Sample, cells, disturbed, is_misled, variants
from bench.scenarios.every import every_scenario
from bench.scenarios.scenario import Scenario
from bench.tables import detailed, goals, heading, number

TEXT = "report.md"
DATA = "report.json"


@dataclass(frozen=True, slots=True)
class Report:
    """One run of the benchmark."""

    machine: Mapping[str, str]
    peers: Mapping[str, Mapping[str, str]]
    """By peer, the versions of its parts, and what it keeps of a message."""
    absent: Mapping[str, str]
    """Why a peer, or a peer in a scenario, is missing."""
    samples: Sequence[Sample]

    @classmethod
    def read(cls, folder: Path) -> "Report":
        """What was written into a folder."""
        whole = json.loads((folder / DATA).read_text())
        samples = [Sample(**sample) for sample in whole["samples"]]
        return cls(whole["machine"], whole["peers"], whole["absent"], samples)

    @property
    def scenarios(self) -> list[Scenario]:
        """Those that there are figures of."""
        measured = {sample.scenario for sample in self.samples}
        return [scenario for scenario in every_scenario() if scenario.name in measured]

    def part(self, names: Collection[str]) -> "Report":
        """What it says of some scenarios: their samples, and who takes part in them."""
        samples = [sample for sample in self.samples if sample.scenario in names]
        chosen = [scenario for scenario in every_scenario() if scenario.name in names]
        peers = {peer for scenario in chosen for peer in scenario.peers}
        absent = {
            which: why
            for which, why in self.absent.items()
            # Somebody is missing altogether, or has failed in one of them.
            if which in peers or which.rpartition(" in ")[2] in names
        }
        present = {peer: parts for peer, parts in self.peers.items() if peer in peers}
        return Report(self.machine, present, absent, samples)

    def text(self) -> str:
        """The whole report in Markdown."""
        lines = [*self.machine_lines(), "", *self.peer_lines()]
        for scenario in self.scenarios:
            lines += ["", *detailed(scenario, self.samples)]
        if judged := verdicts(self.samples):
            lines += ["", *goals(judged)]
        return "\n".join(lines) + "\n"

    def machine_lines(self) -> list[str]:
        """Where and how it was measured, and whether something else was at work."""
        lines = [f"- {name}: {value}" for name, value in self.machine.items()]
        return lines + [f"- {line}" for line in self.warning_lines()]

    def warning_lines(self) -> list[str]:
        """Why nobody should believe it, or not its lowest and highest ratios; if so."""
        count, watched = disturbed(self.samples)
        said = f"something else computed during {count} of {watched} measurements"
        if is_misled(self.samples):
            return [f"{said}: believe neither times nor rates"]
        return [f"{said}, fewer than half of those of any median"] if count else []

    def peer_lines(self) -> list[str]:
        """A table of who took part, and who did not."""
        lines = ["| peer | versions |", "|---|---|"]
        lines += [f"| {peer} | {_listed(parts)} |" for peer, parts in self.peers.items()]
        return lines + [f"| {peer} | absent: {why} |" for peer, why in self.absent.items()]

    def write(self, folder: Path) -> None:
        """Put all of it into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TEXT).write_text(self.text())
        whole = {
            "machine": self.machine,
            "peers": self.peers,
            "absent": self.absent,
            "samples": [asdict(sample) for sample in self.samples],
        }
        (folder / DATA).write_text(json.dumps(whole, indent=1) + "\n")
        for scenario in self.scenarios:
            (folder / f"{scenario.name}.svg").write_text(self.picture(scenario))

    def picture(self, scenario: Scenario) -> str:
        """A scenario's medians as an SVG."""
        groups = {
            variant: [
                Bar(cell.peer, cell.median, number(cell.median))
                for cell in cells(self.samples, scenario.name, variant, better=scenario.better)
            ]
            for variant in variants(self.samples, scenario.name)
        }
        return draw(heading(scenario), groups)


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
