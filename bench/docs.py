"""`python -m bench.docs`: put a run's tables and pictures where readers find them.

The documents have two parts, what is measured of one server on a file and what on PostgreSQL. A
run replaces those of which it has measured something, and leaves the other as it was.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.goals import verdicts
from bench.report import Report
from bench.scenarios.every import ON_POSTGRES, every_scenario
from bench.tables import goals, summary, wide

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
# What is shown: where peers differ most, and what the product is about.
PICTURES = ("fan-out", "many-rooms", "durable-publish", "connect-rate", "idle-memory")
# Part of the names of those variants that are: of 24 floods, the worst.
SHOWN = {"floods": " x any, "}
BEGIN = "<!-- From here made by `make bench-docs`. -->"
BEGIN_ON_POSTGRES = "<!-- From here made by `make bench-docs`, on PostgreSQL. -->"
END = "<!-- To here. -->"


def main() -> None:
    """Write into the documents of this repository, or of another folder."""
    parser = argparse.ArgumentParser(prog="python -m bench.docs", description=__doc__)
    parser.add_argument("--run", type=Path, default=RESULTS, help="folder of the report")
    parser.add_argument("--into", type=Path, default=ROOT, help="folder of README.md and docs/")
    options = parser.parse_args()
    publish(Report.read(options.run), options.into)


def publish(report: Report, root: Path) -> None:
    """Put a run's summary into the README, the rest into docs/benchmarks.md and docs/plots/."""
    chapter = root / "docs" / "benchmarks.md"
    names = [scenario.name for scenario in every_scenario() if scenario.name not in ON_POSTGRES]
    alone, on_postgres = report.part(names), report.part(ON_POSTGRES)
    if alone.samples:
        warned = [line for warning in alone.warning_lines() for line in ("", f"But {warning}.")]
        _replace(root / "README.md", BEGIN, [*summary(alone.samples), *warned])
        _replace(chapter, BEGIN, _chapter(alone))
        _draw(alone, root / "docs" / "plots")
    if on_postgres.samples:
        _replace(chapter, BEGIN_ON_POSTGRES, _chapter(on_postgres))


def _draw(report: Report, pictures: Path) -> None:
    """The pictures of a run, and none of the one before."""
    pictures.mkdir(parents=True, exist_ok=True)
    for picture in pictures.glob("*.svg"):
        picture.unlink()
    for scenario in report.scenarios:
        if scenario.name in PICTURES:
            (pictures / f"{scenario.name}.svg").write_text(report.picture(scenario))


def _chapter(report: Report) -> list[str]:
    """A run, for whoever wants to judge it."""
    lines = [*report.machine_lines(), ""]
    if judged := verdicts(report.samples):
        lines += [*goals(judged), ""]
    for scenario in report.scenarios:
        lines += [*wide(scenario, report.samples, SHOWN.get(scenario.name, "")), ""]
        if scenario.name in PICTURES:
            lines += [f"![{scenario.title}](plots/{scenario.name}.svg)", ""]
    return [*lines, *report.peer_lines()]


def _replace(document: Path, mark: str, lines: Sequence[str]) -> None:
    """Put lines between two marks of a document; raises ValueError where they are missing."""
    before, begin, rest = document.read_text().partition(mark)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document} lacks the line {(begin and END) or mark}")
    document.write_text("\n".join([before + begin, "", *lines, "", end + after]))


if __name__ == "__main__":
    main()
