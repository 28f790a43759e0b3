"""How a connection begins: where in the log, and what it is told first."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from ..errors import Refusal
from ..history.extent import Extent
from ..history.reader import read_entries, read_extent, read_extents
from ..rights.access import Access, Principal, Standing, check_standing, grant
from ..rights.standing import NO_ITEM, load_standing, load_standings
from ..settings import Settings
from . import frames
from .encoding import Burst
from .frames import Limits, PresenceSummary, Welcome
from .hub import Moment
from .replay import Page
from .shared_frames import SharedLimits


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a client wants to begin: after a seq of an epoch, or with the newest `tail` entries."""

    after: int | None
    epoch: str | None
    tail: int


@dataclass(frozen=True, slots=True)
class Opening:
    """What the database said when a connection began."""

    standing: Standing
    extent: Extent
    after: int
    """Replay begins with the entry after this seq."""
    recovered: bool
    """Whether that is where the client asked to begin."""


Again = Callable[[Principal], Awaitable[Principal]]
"""Asks whoever said who this is, or let them in, once more.

Raises:
    Refusal: `auth_revoked` or `removed`: not any more; or one that says to try later.
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A client that was let in, what the database said of it, and how old that answer is."""

    access: Access
    beginning: Beginning
    opening: Opening
    moment: Moment
    again: Again | None = None
    """None: nobody is asked again."""


Late = Callable[[Principal, str, Beginning], Awaitable[Arrival]]
"""Lets somebody into an item in which they are nothing: others may, or bring the item along.

Raises:
    Refusal: as whoever comes to the item itself is refused.
"""


@dataclass(frozen=True, slots=True)
class Entrance:
    """A client that was let in, to no item yet; as `Arrival`."""

    principal: Principal
    standing: Standing
    moment: Moment
    again: Again | None = None
    late: Late | None = None
    """None: there is nobody else to ask about an item."""


def read_arrival(
    connection: Connection,
    look_up: Callable[[Connection], Principal],
    item_id: str,
    beginning: Beginning,
) -> tuple[Access, Opening]:
    """Who it is, what they may, and where they begin: one look at the database. May block.

    Raises:
        Refusal: as `grant`, and what `look_up` raises.
    """
    principal = look_up(connection)
    standing = load_standing(connection, principal, item_id)
    access = grant(principal, standing)
    extent = read_extent(connection, access.item_key)
    return access, Opening(standing, extent, *starting_point(beginning, extent))


def read_entrance(
    connection: Connection, look_up: Callable[[Connection], Principal]
) -> tuple[Principal, Standing]:
    """Who it is, if their credential counts: whatever item they will ask for. May block.

    Raises:
        Refusal: `auth_revoked`, `auth_expired`, and what `look_up` raises.
    """
    principal = look_up(connection)
    return principal, check_standing(principal, load_standing(connection, principal, NO_ITEM))


def read_openings(
    connection: Connection, principal: Principal, wanted: Mapping[str, Beginning]
) -> dict[str, tuple[Access, Opening] | Refusal]:
    """The same as `read_arrival` for many items, by their ids. May block."""
    standings = dict(zip(wanted, load_standings(connection, principal, [*wanted]), strict=True))
    found: dict[str, Access | Refusal] = {}
    for item_id, standing in standings.items():
        try:
            found[item_id] = grant(principal, standing)
        except Refusal as refusal:
            found[item_id] = refusal
    keys = [one.item_key for one in found.values() if isinstance(one, Access)]
    extents = read_extents(connection, keys)
    return {
        item_id: access
        if isinstance(access, Refusal)
        else _opening_of(access, extents.get(access.item_key), wanted[item_id])
        for item_id, access in found.items()
    }


def _opening_of(
    access: Access, extent: Extent | None, beginning: Beginning
) -> tuple[Access, Opening] | Refusal:
    if extent is None:
        return Refusal("item_not_found")  # Deleted a moment ago.
    return access, Opening(access.standing, extent, *starting_point(beginning, extent))


def read_opening(connection: Connection, access: Access, beginning: Beginning) -> Opening:
    """Rights and extent of the log at one moment. May block."""
    standing = load_standing(connection, access.principal, access.item_id)
    extent = read_extent(connection, access.item_key)
    return Opening(standing, extent, *starting_point(beginning, extent))


SharedPage = Callable[[int, Callable[[], Page]], Page]
"""A page that others wait for as well, given the log's head, and what reads it otherwise."""


def read_page(
    connection: Connection, access: Access, shared: SharedPage, after: int, limit: int
) -> Page:
    """A page of a replay, if whoever asked may still see it. May block.

    No entry is of a later moment than the rights: the log may already hold a removal, and entries
    after it, of which the event loop has not heard.

    Raises:
        Refusal: as `grant`.
    """
    grant(access.principal, load_standing(connection, access.principal, access.item_id))
    head = read_extent(connection, access.item_key).head

    def read() -> Page:
        entries, extent = read_entries(connection, access.item_key, after, limit)
        return Page(Burst(entries) if entries else None, extent)

    return shared(head, read)


def starting_point(beginning: Beginning, extent: Extent) -> tuple[int, bool]:
    """Where replay begins, and whether the beginning could be honoured.

    A cursor that retention has overtaken begins with what is left. One of another life of the
    log, or from its future, says nothing about this log: it begins as a new client would.
    """
    kept = extent.oldest - 1
    newest = max(kept, extent.head - beginning.tail)
    if beginning.after is None:
        return newest, True
    if beginning.epoch not in (None, extent.epoch) or beginning.after > extent.head:
        return newest, False
    return max(beginning.after, kept), beginning.after >= kept


def welcome(
    connection_id: str,
    access: Access,
    opening: Opening,
    presence: PresenceSummary,
    settings: Settings,
) -> Welcome:
    """The first frame of a connection."""
    return frames.welcome(
        connection_id,
        access,
        opening.extent,
        after=opening.after,
        recovered=opening.recovered,
        limits=limits_of(settings),
        presence=presence,
    )


def shared_limits_of(settings: Settings) -> SharedLimits:
    """The same, of a client of many items."""
    return {**limits_of(settings), "joined_items": settings.joined_items}


def limits_of(settings: Settings) -> Limits:
    """What a client is told that it has to keep to."""
    return {
        "frame_bytes": settings.max_frame_bytes,
        "body_bytes": settings.max_body_bytes,
        "nesting": settings.max_nesting,
        "publish_rate": settings.publish_rate,
        "publish_burst": settings.publish_burst,
        "in_flight": settings.commands_in_flight,
        "ping_interval": settings.ping_interval,
        "ping_timeout": settings.ping_timeout,
    }
