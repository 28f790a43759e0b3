"""The rows that say which servers there are. In a transaction of `Aside`; all of it may block."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Delete, Select, Update, delete, insert, select, update
from sqlmodel import col

from ..models import Node, Presence
from ..store.sharing import Sharing
from ..store.statements import statement

# Milliseconds without a beat after which a server counts as dead: three of them were missed.
DEAD_AFTER = 15_000
# Milliseconds after which nobody asks any more what it was; so long a frozen one finds its row.
SWEPT_AFTER = 60_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A server as its row says."""

    boot: str
    name: str
    version: str
    scope: str
    started_at: int
    """Milliseconds since the epoch, by the database's clock."""
    silence: int
    """Milliseconds since its last beat."""
    draining: bool
    beat_at: int
    """As `started_at`."""

    @property
    def is_alive(self) -> bool:
        """Whether it has beaten lately."""
        return self.silence < DEAD_AFTER


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server says of itself."""

    boot: str
    name: str
    version: str
    scope: str


def beat(connection: Connection, sharing: Sharing, this: Identity, *, draining: bool) -> int:
    """Say that this server lives; what time it is. A row that is gone is made again."""
    now = sharing.now(connection)
    if not _beat.run(connection, now, draining, this.boot):
        row = Node(
            boot=this.boot,
            name=this.name,
            version=this.version,
            scope=this.scope,
            started_at=now,
            beat_at=now,
            draining=draining,
        )
        connection.execute(insert(Node).values(row.model_dump()))
    return now


def read_nodes(connection: Connection, now: int) -> Sequence[Seen]:
    """All servers, living or not, the longest running first."""
    return [
        Seen(boot, name, version, scope, started_at, now - beat_at, draining, beat_at)
        for boot, name, version, scope, started_at, beat_at, draining in _nodes.fetch(connection)
    ]


def sweep(connection: Connection, sharing: Sharing, nodes: Sequence[Seen]) -> None:
    """Forget servers that died long ago, and who was there."""
    gone = [node.boot for node in nodes if node.silence >= SWEPT_AFTER]
    # One server at a time: two would take the same rows in different orders.
    if gone and sharing.hold_turn(connection):
        for boot in gone:
            forget(connection, boot)


def forget(connection: Connection, boot: str) -> None:
    """There is no such server any more, and nobody there."""
    _leave.run(connection, boot)
    _forget.run(connection, boot)


@statement
def _beat(now: int, draining: bool, boot: str) -> Update:  # noqa: FBT001 - as all values
    said = {col(Node.beat_at): now, col(Node.draining): draining}
    return update(Node).where(col(Node.boot) == boot).values(said)


@statement
def _nodes() -> Select[str, str, str, str, int, int, bool]:
    return select(
        col(Node.boot),
        col(Node.name),
        col(Node.version),
        col(Node.scope),
        col(Node.started_at),
        col(Node.beat_at),
        col(Node.draining),
    ).order_by(col(Node.started_at), col(Node.boot))


@statement
def _forget(boot: str) -> Delete:
    return delete(Node).where(col(Node.boot) == boot)


@statement
def _leave(boot: str) -> Delete:
    return delete(Presence).where(col(Presence.boot) == boot)
