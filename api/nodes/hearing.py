"""Who is told which hints: each kind has whoever acts on it."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from .hints import Hint

logger = logging.getLogger("itemroom.nodes")
H = TypeVar("H", bound=Hint)


class Hearing:
    """The listener of a broker. Lives on the event loop; nobody that it calls may block."""

    def __init__(self) -> None:
        self._heard: dict[type, list[Callable[[Any], None]]] = {}
        self._confirmed: list[Callable[[int], None]] = []
        self._gap: list[Callable[[], None]] = []

    def on(self, kind: type[H], heard: Callable[[H], None]) -> None:
        """Call with each hint of this kind."""
        self._heard.setdefault(kind, []).append(heard)

    def on_confirmed(self, confirmed: Callable[[int], None]) -> None:
        """Call with each item of which all is heard from now on."""
        self._confirmed.append(confirmed)

    def on_gap(self, gap: Callable[[], None]) -> None:
        """Call when something may not have been heard."""
        self._gap.append(gap)

    def heard(self, hint: Hint) -> None:
        """Another node has told this."""
        for act in self._heard.get(type(hint), ()):
            _call(act, hint)

    def confirmed(self, item_key: int) -> None:
        """All that is told of an item from now on will be heard."""
        for act in self._confirmed:
            _call(act, item_key)

    def gap(self) -> None:
        """Something may not have been heard."""
        for act in self._gap:
            _call(act)


def _call(act: Callable[..., None], *news: object) -> None:
    """What fails leaves the others their news, and the broker its connection."""
    try:
        act(*news)
    except Exception:
        logger.exception("what another node told was not acted on")
