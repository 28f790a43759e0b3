"""What a running server consists of: built in the lifespan, handed to whoever needs it."""

from dataclasses import dataclass, field
from secrets import token_hex
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import Scope

from .asking.authorize import Authorize
from .asking.review import Desk
from .callers import HOST, Identify
from .history.writer import Writer
from .limits import Buckets
from .live.hub import Hub
from .live.services import Services
from .live.sockets import Sockets
from .metrics import Metrics
from .nodes.joining import Nodes
from .security import Passwords, TokenReader, Tokens
from .security.throttle import LoginThrottle
from .settings import Settings
from .store.readers import Readers
from .store.store import Store
from .traces import Traces
from .webhooks.courier import Courier


@dataclass(slots=True)
class State:
    """The parts of a running server. Each ends in the lifespan that made it."""

    settings: Settings
    store: Store
    readers: Readers
    writer: Writer
    desk: Desk
    """Who takes what members do: the writer, unless the product is asked first."""
    passwords: Passwords
    tokens: Tokens
    """Issues our own tokens."""
    token_reader: TokenReader
    """Verifies our own tokens and those of the outside issuer."""
    login_throttle: LoginThrottle
    hub: Hub
    handshakes: Buckets
    """Handshakes by network that do not show who comes."""
    registrations: Buckets
    """New users by network."""
    new_items: Buckets
    """New items by user."""
    publishes: Buckets
    """Publishes over HTTP, by user: a request has no connection to count them by."""
    appends: Buckets
    """Additions to messages in the making over HTTP, by user or key; and their bytes."""
    append_bytes: Buckets
    key_commands: Buckets
    """Commands of service keys over HTTP, and their new items, by key."""
    metrics: Metrics
    traces: Traces | None
    """None: nobody collects them."""
    identify: Identify | None = None
    """Says who comes without a token: the application that this server is mounted in, if it is."""
    authorize: Authorize | None = None
    """Asks the product of whom an item is not open to; None: nobody is asked."""
    boot: str = field(default_factory=lambda: token_hex(8))
    """Of this run: names it to other nodes."""
    nodes: Nodes | None = None
    """The other servers; None: this database has one."""
    sockets: Sockets = field(default_factory=Sockets)
    services: Services = field(init=False)
    """What connections share; set once the rest is there, which verifies their tokens."""
    courier: Courier = field(init=False)
    """Delivers webhooks; set once the rest is there."""
    draining: bool = False
    """True once the server has been told to stop: it finishes what it took, takes nothing new."""

    @property
    def issuer(self) -> str | None:
        """Whose users the outside ones are; None: there are none."""
        return self.settings.issuer or (None if self.identify is None else HOST)

    @property
    def servers(self) -> int:
        """How many servers there are to come to, this one among them."""
        return 1 if self.nodes is None else self.nodes.registry.living

    def drain(self) -> None:
        """From now on nothing new is taken, and other nodes know it."""
        self.draining = True
        if self.nodes is not None:
            self.nodes.registry.drain()


def state_of(scope: Scope) -> State:
    """The running server that a request or a socket has come to."""
    state: State = scope["app"].state.itemroom
    return state


async def get_state(connection: HTTPConnection) -> State:
    """`state_of` as a dependency; a plain function would cost a thread for each request."""
    return state_of(connection.scope)


Running = Annotated[State, Depends(get_state)]
