"""The report: a table, a JSON and pictures, with what is missing said."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.docs import BEGIN, BEGIN_ON_POSTGRES, END, ROOT, publish
from bench.plot import Bar, Scale, draw
from bench.report import Report
from bench.results import Sample
from bench.tables import number

VARIANT = "128 bytes, 64 in flight"


def report() -> Report:
    samples = [
        Sample("fan-out", VARIANT, "itemroom", 0, 1_000_000.0, 0.99, 0.7),
        Sample("fan-out", VARIANT, "tutorial", 0, 50_000.0, 0.99, 0.7),
        Sample("fan-out", VARIANT, "nchan", 0, 500_000.0, 0.99, 0.99, 0.5),
        Sample("fan-out", VARIANT, "centrifugo", 0, 500_000.0, 0.99, 0.99),
        Sample("idle-memory", "each", "itemroom", 0, 5.5),
        Sample("ack-latency", "p50", "itemroom", 0, 0.5, 0.4, 0.2),
        Sample("floods", "1 x pings, server memory, MB", "itemroom", 0, 0.5),
        Sample("floods", "1 x any, server memory, MB", "itemroom", 0, 0.5),
    ]
    versions = {"itemroom": {"itemroom": "1"}, "tutorial": {"fastapi": "2"}}
    absent = {"channels": "redis-server is missing"}
    return Report({"cpu": "a quick one"}, versions, absent, samples)


def test_table_has_medians_ratios_versions_and_who_is_absent() -> None:
    """All that a reader needs to judge a run, and nobody left out in silence."""
    text = report().text()
    assert f"| {VARIANT} | tutorial | 50 k | 20.00 x (20.00 to 20.00) | 99% | 70% | 0% |" in text
    assert f"| {VARIANT} | nchan | 500 k* | 2.00 x (2.00 to 2.00) | 99% | 99% | 50% |" in text
    assert "| each | itemroom | 5.5 |  |  |  |  |" in text
    assert "| tutorial | fastapi 2 |" in text
    assert "| channels | absent: redis-server is missing |" in text


def test_report_of_a_busy_machine_says_so() -> None:
    """Before anybody believes it; or only its extremes, where other rounds make the median."""
    said = "something else computed during 1 of"
    busy = report()
    assert f"{said} 5 measurements: believe neither times nor rates" in busy.text()
    more = [Sample("fan-out", VARIANT, "nchan", number, 1.0, 0.99, 0.99) for number in (1, 2)]
    rounds = replace(busy, samples=[*busy.samples, *more])
    assert f"{said} 7 measurements, fewer than half of those of any median" in rounds.text()


def test_goals_are_judged_by_this_run() -> None:
    """Reached or not, for what was measured; nothing is said of what was not."""
    text = report().text()
    missed = f"| fan-out, {VARIANT} | ≥ 2.5 x centrifugo | 2.00 x (2.00 to 2.00) | **missed** |"
    assert missed in text
    assert "| idle-memory, each | ≤ 6 | 5.5 | reached |" in text
    assert "| ack-latency, p50 | ≤ 0.35 | 0.5 | **missed** |" in text
    assert "history-page" not in text


def test_written_report_can_be_read_by_programs(tmp_path: Path) -> None:
    """The JSON has every sample; the picture is well-formed."""
    report().write(tmp_path / "new")
    whole = json.loads((tmp_path / "new" / "report.json").read_text())
    assert whole["samples"][1]["value"] == 50_000
    assert whole["absent"] == {"channels": "redis-server is missing"}
    assert Report.read(tmp_path / "new") == report()
    picture = ET.fromstring((tmp_path / "new" / "fan-out.svg").read_text())
    assert "1.00 M" in "".join(picture.itertext())


def test_run_without_figures_has_no_picture(tmp_path: Path) -> None:
    """Everybody failed, or nobody was there."""
    Report({}, {}, {}, []).write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.md"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the two documents, in which an old run stands."""
    (tmp_path / "docs" / "plots").mkdir(parents=True)
    (tmp_path / "docs" / "plots" / "old.svg").write_text("")
    for name in ("README.md", "docs/benchmarks.md"):
        (tmp_path / name).write_text(f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n")
    with (tmp_path / "docs/benchmarks.md").open("a") as chapter:
        chapter.write(f"\n{BEGIN_ON_POSTGRES}\n\nolder\n\n{END}\n\nafter\n")
    return tmp_path


def test_run_takes_the_place_of_the_one_before_in_the_documents(root: Path) -> None:
    """What else is said there stays; a second time changes nothing more."""
    publish(report(), root)
    readme, chapter = (root / "README.md").read_text(), (root / "docs/benchmarks.md").read_text()
    publish(report(), root)
    assert (root / "README.md").read_text() == readme
    row = "| deliveries/s to 500, 64 in flight | **1.00 M** | 50 k (20.00) | 500 k* (2.00) | - |"
    assert row in readme
    assert "But something else computed during 1 of 5 measurements" in readme
    assert f"| {VARIANT} | 1.00 M | 50 k (20.00) | 500 k* (2.00) | 500 k* (2.00) |" in chapter
    assert all(text.startswith("before\n\n<!--") for text in (readme, chapter))
    assert all(text.endswith("-->\n\nafter\n") for text in (readme, chapter))
    assert "old" not in readme + chapter.replace("older", "")


def on_postgres() -> Report:
    samples = [
        Sample("pg-publish-1", "50 authors", "itemroom-pg", 0, 6000.0),
        Sample("pg-publish-1", "50 authors", "transaction", 0, 1000.0),
        Sample("pg-idle-rooms", "PostgreSQL", "itemroom-pg", 0, 1.0),
        Sample("pg-idle-rooms", "PostgreSQL", "itemroom-pg-redis", 0, 3.0),
    ]
    versions = {"itemroom-pg": {"postgresql": "15"}, "transaction": {"psycopg": "3"}}
    absent = {
        "centrifugo-pg": "go is missing",
        "itemroom-pg in pg-other-server": "it did not start",
    }
    return Report({"cpu": "a quick one"}, versions, absent, samples)


def test_run_on_postgres_replaces_its_own_part_only(root: Path) -> None:
    """It takes ten minutes, the other half an hour: each is repeated by itself."""
    publish(report(), root)
    before = {path: path.read_text() for path in root.rglob("*.*")}
    publish(on_postgres(), root)
    changed = {path.name for path, text in before.items() if path.read_text() != text}
    assert changed == {"benchmarks.md"}
    chapter = (root / "docs/benchmarks.md").read_text()
    alone, mark, part = chapter.partition(BEGIN_ON_POSTGRES)
    assert before[root / "docs/benchmarks.md"].startswith(alone + mark)
    assert "older" not in part
    assert "| pg-publish-1, 50 authors | ≥ 10 x transaction | 6.00 x" in part
    assert "| pg-idle-rooms, PostgreSQL, itemroom-pg | ≤ 2 | 1 | reached |" in part
    assert "| pg-idle-rooms, PostgreSQL, itemroom-pg-redis | ≤ 2 | 3 | **missed** |" in part
    assert "| itemroom-pg in pg-other-server | absent: it did not start |" in part


def test_run_of_everything_replaces_both_parts_and_says_of_each_who_took_part(root: Path) -> None:
    """Whoever is missing is so where they would have been."""
    one, other = report(), on_postgres()
    whole = Report(
        one.machine,
        {**one.peers, **other.peers},
        {**one.absent, **other.absent},
        [*one.samples, *other.samples],
    )
    publish(whole, root)
    chapter = (root / "docs/benchmarks.md").read_text()
    alone, _, part = chapter.partition(BEGIN_ON_POSTGRES)
    assert "old" not in chapter
    assert "| channels | absent" in alone
    assert "| channels | absent" not in part
    assert "itemroom-pg" not in alone
    # It takes part in both.
    assert all("| centrifugo-pg | absent: go is missing |" in text for text in (alone, part))


def test_of_all_floods_the_worst_is_shown(root: Path) -> None:
    """The others are in the report: 144 figures."""
    publish(report(), root)
    chapter = (root / "docs/benchmarks.md").read_text()
    assert "| 1 x any, server memory, MB | 0.5 |" in chapter
    assert "pings" not in chapter
    assert "1 x pings, server memory" in report().text()


def test_pictures_of_a_run_are_those_that_its_chapter_shows(root: Path) -> None:
    """None of a run before is left."""
    publish(report(), root)
    names = sorted(path.name for path in (root / "docs" / "plots").iterdir())
    assert names == ["fan-out.svg", "idle-memory.svg"]
    chapter = (root / "docs" / "benchmarks.md").read_text()
    assert all(f"](plots/{name})" in chapter for name in names)


@pytest.mark.parametrize("mark", [BEGIN, END])
def test_document_without_its_marks_is_left_alone(root: Path, mark: str) -> None:
    """Nothing is guessed."""
    text = (root / "README.md").read_text().replace(mark, "")
    (root / "README.md").write_text(text)
    with pytest.raises(ValueError, match="lacks the line"):
        publish(report(), root)
    assert (root / "README.md").read_text() == text


def test_own_documents_have_the_marks() -> None:
    """So that the command finds where to write."""
    marks = [("README.md", BEGIN)]
    marks += [("docs/benchmarks.md", mark) for mark in (BEGIN, BEGIN_ON_POSTGRES)]
    for name, mark in marks:
        _, begin, rest = (ROOT / name).read_text().partition(mark)
        assert begin
        assert END in rest


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
