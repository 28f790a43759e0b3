"""`ITEMROOM_*` variables that nobody reads: most likely a setting with a slip in its name. Pure."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from .settings import Settings

PREFIX = "ITEMROOM_"
# Read by the commands of a client: see `api.cli.connecting`.
_OF_CLIENTS = frozenset({"ITEMROOM_TOKEN", "ITEMROOM_URL"})
# What Kubernetes and Docker set for a service or a container whose name begins with `itemroom`.
_OF_ORCHESTRATORS = re.compile(
    r"ITEMROOM_(?:.+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_.+)?)"
)


def unread_variables(names: Iterable[str]) -> list[str]:
    """A sentence for each variable that looks like a setting and is none.

    They do not refuse to start: a setting of a newer version must not keep an older one, which
    somebody goes back to, from serving.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _OF_CLIENTS
    return [_sentence(name, known) for name in sorted(names) if _is_unread(name.upper(), known)]


def _is_unread(name: str, known: set[str]) -> bool:
    return name.startswith(PREFIX) and name not in known and not _OF_ORCHESTRATORS.fullmatch(name)


def _sentence(name: str, known: set[str]) -> str:
    # All begin alike, which says nothing about how near they are.
    endings = [one.removeprefix(PREFIX) for one in sorted(known)]
    nearest = get_close_matches(name.upper().removeprefix(PREFIX), endings, n=1)
    hint = f": did you mean {PREFIX}{nearest[0]}?" if nearest else "."
    return f"{name} is no setting, and has no effect{hint}"
