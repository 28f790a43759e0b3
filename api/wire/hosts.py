"""Applications that have Itemroom mounted, found by name to be served as a whole."""

import sys
from dataclasses import dataclass
from importlib import import_module

from starlette.applications import Starlette
from starlette.routing import Mount

from ..embedded import Itemroom


class HostError(Exception):
    """There is no such application, or none with rooms; with what is missing."""


@dataclass(frozen=True, slots=True)
class Host:
    """An application, and the rooms in it."""

    app: Starlette
    rooms: Itemroom
    path: str


def load_host(name: str) -> Host:
    """The application of a name such as `desk:app`; a module of the present folder counts, too.

    Raises:
        HostError: what is missing.
    """
    module, _, attribute = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        app = getattr(import_module(module), attribute or "app")
    except (ImportError, AttributeError) as error:
        raise HostError(f"{name} cannot be loaded: {error}") from error
    for route in getattr(app, "routes", ()):
        if isinstance(route, Mount) and isinstance(route.app, Itemroom):
            return Host(app, route.app, route.path)
    raise HostError(f"{name} has no rooms: mount them, as in app.mount('/rooms', Itemroom(…)).")
