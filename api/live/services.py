"""What all connections of a server share: each of them holds one reference to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from api.history.writer import Writer
from api.live.expiry import Expiries
from api.live.hub import Hub
from api.live.sockets import Sockets
from api.metrics import Metrics
from api.rights.access import Principal
from api.settings import Settings
from api.store.readers import Readers


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
