"""What all connections of a server share: each of them holds one reference to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..history.writer import Writer
from ..metrics import Metrics
from ..rights.access import Principal
from ..settings import Settings
from ..store.readers import Readers
from .expiry import Expiries
from .hub import Hub
from .sockets import Sockets


@dataclass(frozen=True, slots=True)
class Services:
    """Whom a connection tells, asks and has store, and the limits that it keeps to."""

    hub: Hub
    readers: Readers
    writer: Writer
    metrics: Metrics
    settings: Settings
    sockets: Sockets
    expiries: Expiries
    identify: Callable[[str], Awaitable[Principal]]
    """Whom a token speaks for; raises Refusal."""
