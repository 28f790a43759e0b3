"""Listeners of commits."""

from collections.abc import Sequence

import pytest

from api.history.commits import Commits
from api.history.events import Event, ItemDeleted


def test_every_listener_hears_one_order(caplog: pytest.LogCaptureFixture) -> None:
    """Each commit is heard by all before the next one, and a listener that fails harms nobody."""
    heard: list[tuple[str, Sequence[Event]]] = []

    def fail(_: Sequence[Event]) -> None:
        raise RuntimeError("a listener has a bug")

    commits = Commits()
    commits.listen(lambda events: heard.append(("hub", events)))
    commits.listen(fail)
    commits.listen(lambda events: heard.append(("broker", events)))
    first, second = [ItemDeleted(1)], [ItemDeleted(2), ItemDeleted(3)]
    commits.committed(first)
    commits.committed(second)
    assert heard == [("hub", first), ("broker", first), ("hub", second), ("broker", second)]
    assert len(caplog.records) == 2
