"""Who is called back when something happens in a room."""

from collections.abc import Callable
from typing import Any

Callback = Callable[[Any], object]


class Listeners:
    """Callbacks by type of event, called in the order of their coming."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callback]] = {}

    def add(self, type_: str, callback: Callback) -> Callable[[], None]:
        """One more; the answer takes it away again."""
        callbacks = self._callbacks.setdefault(type_, [])
        callbacks.append(callback)

        def remove() -> None:
            if callback in callbacks:
                callbacks.remove(callback)

        return remove

    def tell(self, type_: str, detail: object) -> None:
        """Call them all; what one raises is raised."""
        for callback in list(self._callbacks.get(type_, ())):
            callback(detail)
