"""Who is connected, by user: what ends of theirs, or changes, all their connections are told.

Pure: it calls the connections, and knows nothing of what they are. Lives on the event loop.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from ..rights.access import Credential, Principal, Standing


class Judged(Protocol):
    """Something that its rights allow, as the database once said of a principal and an item."""

    @property
    def principal(self) -> Principal:
        """Whose rights these are."""

    @property
    def item_id(self) -> str:
        """Where they are; empty: what is allowed is to be connected at all."""

    @property
    def standing(self) -> Standing:
        """What they were last judged by."""

    def restand(self, standing: Standing) -> None:
        """This is what they are to be judged by."""


class Guest(Protocol):
    """What the live side needs of a connection, however many rooms it has seats in."""

    @property
    def principal(self) -> Principal:
        """Whose it is, with the credential that it is here with."""

    @property
    def judged(self) -> Sequence[Judged]:
        """All that depends on its rights; never nothing."""

    def rename(self, name: str) -> None:
        """Its user is shown by another name."""

    def credentials_ended(self, ended: Callable[[Credential], bool]) -> None:
        """Credentials of its user for which `ended` is true no longer count."""

    def end(self, code: str, *, retry_after: float | None = None) -> None:
        """It cannot go on, for this reason; seconds after which to come back."""


class Guests:
    """All connections of this server."""

    def __init__(self) -> None:
        self._users: dict[int, set[Guest]] = {}
        # Those that are somebody else's by a key, by the key's user.
        self._acted: dict[int, set[Guest]] = {}

    def __iter__(self) -> Iterator[Guest]:
        """Every connection; they may leave meanwhile."""
        return iter([guest for guests in self._users.values() for guest in guests])

    def __len__(self) -> int:
        """How many connections there are."""
        return sum(map(len, self._users.values()))

    def enter(self, guest: Guest) -> None:
        """From now on the connection hears what becomes of its user."""
        principal = guest.principal
        self._users.setdefault(principal.user_key, set()).add(guest)
        if principal.via is not None:
            self._acted.setdefault(principal.via.user_key, set()).add(guest)

    def leave(self, guest: Guest) -> None:
        """The connection has ended."""
        principal = guest.principal
        _take_out(self._users, principal.user_key, guest)
        if principal.via is not None:
            _take_out(self._acted, principal.via.user_key, guest)

    def of(self, user_key: int) -> list[Guest]:
        """The connections of a user."""
        return list(self._users.get(user_key, ()))

    def count_of(self, user_key: int) -> int:
        """How many connections a user has."""
        return len(self._users.get(user_key, ()))

    def acted_by(self, user_key: int) -> list[Guest]:
        """The connections that others have by a user's key."""
        return list(self._acted.get(user_key, ()))

    def concerned(self, user_key: int) -> list[Guest]:
        """Those whose rights depend on a user's: their own, and others' by their key."""
        return self.of(user_key) + self.acted_by(user_key)

    def users(self) -> list[int]:
        """Keys of all whose rights some connection depends on."""
        return list(self._users | self._acted)


def _take_out(guests: dict[int, set[Guest]], user_key: int, guest: Guest) -> None:
    """Out of those of a user, of whom nothing is kept when it was the last."""
    guests[user_key].discard(guest)
    if not guests[user_key]:
        del guests[user_key]


def judged_of(guests: Sequence[Guest]) -> list[Judged]:
    """All that depends on the rights of some connections."""
    return [judged for guest in guests for judged in guest.judged]
