"""What all connections of a server share: each of them holds one reference to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..asking.review import Desk
from ..history.writer import Writer
from ..metrics import Metrics
from ..rights.access import Principal
from ..settings import Settings
from ..store.readers import Readers
from .expiry import Expiries
from .hub import Hub
from .inboxes import Inboxes
from .sockets import Sockets


@dataclass(frozen=True, slots=True)
class Services:
    """Whom a connection tells, asks and has store, and the limits that it keeps to."""

    hub: Hub
    readers: Readers
    writer: Writer
    desk: Desk
    """Who takes what members do: the writer, unless the product is asked first."""
    metrics: Metrics
    settings: Settings
    sockets: Sockets
    expiries: Expiries
    """Of credentials; their clients are told in time."""
    rulings: Expiries
    """Of what the product or the host has answered; they are asked again in time."""
    inboxes: Inboxes
    identify: Callable[[str], Awaitable[Principal]]
    """Whom a token speaks for; raises Refusal."""
