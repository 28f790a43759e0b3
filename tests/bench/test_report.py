"""The report: a table, a JSON and pictures, with what is missing said."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.plot import Bar, Scale, draw
from bench.report import Report, number
from bench.results import Sample
from bench.scenarios.fan_out import FanOut

VARIANT = "128 bytes, 64 in flight"


def report() -> Report:
    samples = [
        Sample("fan-out", VARIANT, "itemroom", 0, 1_000_000.0, 0.99, 0.7),
        Sample("fan-out", VARIANT, "tutorial", 0, 50_000.0, 0.99, 0.7),
        Sample("fan-out", VARIANT, "nchan", 0, 500_000.0, 0.99, 0.99, 0.5),
    ]
    versions = {"itemroom": {"itemroom": "1"}, "tutorial": {"fastapi": "2"}}
    absent = {"channels": "redis-server is missing"}
    return Report({"cpu": "a quick one"}, versions, absent, [FanOut()], samples)


def test_table_has_medians_ratios_versions_and_who_is_absent() -> None:
    """All that a reader needs to judge a run, and nobody left out in silence."""
    text = report().text()
    assert f"| {VARIANT} | tutorial | 50 k | 20.00 x (20.00 to 20.00) |" in text
    assert f"| {VARIANT} | nchan | 500 k* |" in text
    assert "| tutorial | fastapi 2 |" in text
    assert "| channels | absent: redis-server is missing |" in text


def test_report_of_a_busy_machine_says_so() -> None:
    """Before anybody believes it."""
    assert "Something else computed during 1 of 3 figures." in report().text()


def test_goals_are_judged_by_this_run() -> None:
    """Reached or not, for what was measured; nothing is said of what was not."""
    text = report().text()
    assert f"| fan-out, {VARIANT} | ≥ 25 x tutorial | 20 | no |" in text
    assert "idle-memory" not in text


def test_written_report_can_be_read_by_programs(tmp_path: Path) -> None:
    """The JSON has every sample; the picture is well-formed."""
    report().write(tmp_path / "new")
    whole = json.loads((tmp_path / "new" / "report.json").read_text())
    assert [sample["value"] for sample in whole["samples"]] == [1_000_000, 50_000, 500_000]
    assert whole["absent"] == {"channels": "redis-server is missing"}
    picture = ET.fromstring((tmp_path / "new" / "fan-out.svg").read_text())
    assert "1.00 M" in "".join(picture.itertext())


def test_scenario_without_figures_has_no_picture(tmp_path: Path) -> None:
    """Everybody failed, or nobody was there."""
    Report({}, {}, {}, [FanOut()], []).write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.md"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_234_567, "1.23 M"), (45_678, "46 k"), (1234, "1234"), (12.345, "12.3"), (0.5, "0.5")],
)
def test_number_keeps_what_counts(value: float, text: str) -> None:
    """No run is more exact than that."""
    assert number(value) == text


def test_bars_grow_with_the_value_and_nothing_has_none() -> None:
    """The scale is logarithmic, and the shortest bar can still be seen."""
    scale = Scale([10.0, 1000.0, 0.0])
    assert 0 == scale.width(0.0) < scale.width(10.0) < scale.width(100.0) < scale.width(1000.0)


def test_names_in_a_picture_are_escaped() -> None:
    """A peer's or variant's name is text, whatever is in it."""
    picture = draw("a < b", {"x & y": [Bar("<peer>", 1.0, "1")]})
    assert "<peer>" in "".join(ET.fromstring(picture).itertext())
