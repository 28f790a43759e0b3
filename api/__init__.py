"""Itemroom: an authenticated, durable, live room for every item of a product."""

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .callers import Caller
    from .embedded import Itemroom
    from .errors import Refusal

__all__ = ["Caller", "Itemroom", "Refusal", "__version__"]

_PLACES = {"Caller": "callers", "Itemroom": "embedded", "Refusal": "errors"}


def __getattr__(name: str) -> object:
    """What applications import, loaded when they do: no command of a client waits for a server."""
    if name in _PLACES:
        return getattr(import_module(f".{_PLACES[name]}", __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
