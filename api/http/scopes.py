"""What middleware reads from an ASGI scope, of a request or of a socket."""

from starlette.types import Scope

from ..limits import network_of

# In the scope of a request that asks for the headers of an answer alone: routes know of GET only.
HEAD_ALONE = "itemroom.head"
# In the scope of a request that is answered for as long as the client stays in a room.
STAYS = "itemroom.stays"


def header(scope: Scope, name: bytes) -> list[str]:
    """All values of a header, in order. More than one is the caller's business to refuse."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def path_below(scope: Scope) -> str:
    """The path as the application's routes have it, below whatever it is mounted at."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def client_network(scope: Scope) -> str:
    """What the client is counted by; see `limits.network_of`. Empty over a Unix socket."""
    client = scope.get("client")
    return network_of(client[0]) if client else ""
