"""One line when something outside fails, one when it is over."""

import logging

import pytest

from api.outage import RELAPSE, Outage


class Clock:
    """The time, as `api.outage` reads it."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("api.outage.time", clock)
    return clock


@pytest.fixture
def outage() -> Outage:
    return Outage(logging.getLogger("itemroom.test"))


def test_outage_told_once_and_its_end_once(
    outage: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """However many commands met it; another reason is another line."""
    outage.worked()
    for _ in range(3):
        outage.failed("the disk is full")
    outage.failed("the disk is gone")
    clock.now += 5
    outage.worked()
    outage.worked()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "the disk is full"),
        ("ERROR", "the disk is gone"),
        ("WARNING", "over after 5.0 s: the disk is gone"),
    ]


def test_outage_that_comes_and_goes_does_not_flood_the_log(
    outage: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A nearly full disk takes small messages and no large ones: a pair of lines a second."""
    for _ in range(100):
        outage.failed("the disk is full")
        outage.worked()
        clock.now += RELAPSE / 60
    assert len(caplog.records) == 4


def test_outage_that_lasts_after_a_relapse_is_told(
    outage: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """What was kept quiet for a moment is not kept quiet for good."""
    outage.failed("the disk is full")
    outage.worked()
    outage.failed("the disk is full")
    assert len(caplog.records) == 2
    clock.now += RELAPSE
    outage.failed("the disk is full")
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING", "ERROR"]
