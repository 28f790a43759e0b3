"""Which methods a path has (RFC 9110, section 10.2.1)."""

from starlette.routing import Match
from starlette.types import Scope

from .scopes import path_below

# What OPTIONS may ask for in the place of a path.
WHOLE_SERVER = "*"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def allowed_methods(scope: Scope) -> str:
    """The value of `Allow` for a request's path.

    Starlette's own has those of the first route that has the path: several routes share one.
    """
    is_whole = path_below(scope) == WHOLE_SERVER
    found = [method for method in _METHODS if is_whole or _has_route(scope, method)]
    if "GET" in found:
        found.insert(1, "HEAD")  # No route has it: see `Answers`.
    return ", ".join([*found, "OPTIONS"])


def _has_route(scope: Scope, method: str) -> bool:
    asked = {**scope, "method": method}
    return any(route.matches(asked)[0] is Match.FULL for route in scope["app"].routes)
