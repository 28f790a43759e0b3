"""Who is here: joins and leaves, coalesced, with time to come back after a lost connection."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from ..history.entries import Author
from . import frames
from .frames import PresenceSummary

# Above this many users a list is of no use to a person, and expensive for everybody.
MAX_LISTED = 200


class Presence:
    """The users of one room, each with any number of connections.

    Args:
        grace: seconds after the last connection before a user has left; a reconnect within them
            is neither a leave nor a join.
        interval: seconds over which joins and leaves are collected into one frame.
        announce: called with that frame.
        emptied: called when the last user who was connected here has left.
        moved: called whenever somebody's connections here are others than before.
    """

    def __init__(
        self,
        *,
        grace: float,
        interval: float,
        announce: Callable[[frames.Presence], None],
        emptied: Callable[[], None],
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        self._grace = grace
        self._interval = interval
        self._announce = announce
        self._emptied = emptied
        self._moved = moved
        # Everybody, wherever they are connected; of those here, who may still come back in time.
        self._users: dict[int, Author] = {}
        self._here: set[int] = set()
        self._elsewhere: set[int] = set()
        self._connections: dict[int, int] = {}
        self._sockets: Counter[int] = Counter()  # Those of them that are this item's alone.
        self._leaving: dict[int, asyncio.TimerHandle] = {}
        self._changes: dict[int, bool] = {}
        """User key to whether they are here now: those who came or went since the last frame."""
        self._changed: dict[int, Author] = {}
        self._shown: set[int] = set()
        """Keys of `_changes` that somebody has seen in a summary before any frame told of them."""
        self._timer: asyncio.TimerHandle | None = None
        self.version = 0
        """Moves with every join and leave: tells a connection whether it has missed one."""

    @property
    def is_empty(self) -> bool:
        """Whether nobody is here, and nobody may still come back in time."""
        return not self._here

    def here(self) -> dict[int, tuple[int, int]]:
        """Who is connected here, or may still come back: their connections, and those of these
        that are sockets of this item alone.
        """
        return {key: (self._connections.get(key, 0), self._sockets[key]) for key in self._here}

    def elsewhere(self, users: Sequence[Author]) -> None:
        """These are connected at other servers, and nobody else is."""
        for user in users:
            known = self._users.get(user.key)
            if known is None or (known.name != user.name and user.key not in self._here):
                self._users[user.key] = user
                self._change(user, here=True)
        former, self._elsewhere = self._elsewhere, {user.key for user in users}
        for key in former - self._elsewhere - self._here:
            self._change(self._users.pop(key), here=False)

    def join(self, user: Author, *, is_shared: bool = False) -> None:
        """A connection of the user has come; `is_shared`: by a socket that is others' as well."""
        self._connections[user.key] = self._connections.get(user.key, 0) + 1
        self._sockets[user.key] += not is_shared
        if timer := self._leaving.pop(user.key, None):
            timer.cancel()
        self._here.add(user.key)
        if user.key not in self._users:
            self._users[user.key] = user
            self._change(user, here=True)
        self._moved()

    def rename(self, user_key: int, name: str) -> None:
        """If the user is here, tell by another join what they are called now."""
        if user_key in self._users:
            user = self._users[user_key] = replace(self._users[user_key], name=name)
            self._change(user, here=True)

    def leave(self, user: Author, *, at_once: bool = False, is_shared: bool = False) -> None:
        """A connection of the user has gone; `at_once`: it will not be back."""
        self._connections[user.key] -= 1
        self._sockets[user.key] -= not is_shared
        self._moved()
        if self._connections[user.key]:
            return
        del self._connections[user.key], self._sockets[user.key]
        if at_once or not self._grace:
            self._left(user)
        else:
            loop = asyncio.get_running_loop()
            self._leaving[user.key] = loop.call_later(self._grace, self._left, user)

    def summary(self) -> PresenceSummary:
        """Count and users, as `welcome` and the REST call show them."""
        # Whoever gets this gets the next frame too: what that will say has been seen here.
        self._shown.update(self._changes)
        return summary_of(self._users.values())

    def close(self) -> None:
        """End all timers; nothing is announced any more."""
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _left(self, user: Author) -> None:
        self._leaving.pop(user.key, None)
        self._here.discard(user.key)
        if user.key not in self._elsewhere:
            del self._users[user.key]
            self._change(user, here=False)
        self._moved()
        if not self._here:
            self._emptied()

    def _change(self, user: Author, *, here: bool) -> None:
        # Who comes and goes within one interval is nothing to tell, unless a summary has shown
        # somebody the state in between: then the way back has to be told.
        self.version += 1
        self._changed[user.key] = user
        if self._changes.pop(user.key, here) == here or user.key in self._shown:
            self._changes[user.key] = here
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._flush)

    def _flush(self) -> None:
        self._timer = None
        changes, self._changes = self._changes, {}
        users, self._changed = self._changed, {}
        self._shown.clear()
        if not changes:
            return  # Whoever came has gone again, or the other way round.
        told = frames.presence({"count": len(self._users)})
        if len(self._users) <= MAX_LISTED:
            told["join"] = [frames.user(users[key]) for key, here in changes.items() if here]
            told["leave"] = [frames.user(users[key]) for key, here in changes.items() if not here]
        self._announce(told)


def summary_of(users: Collection[Author]) -> PresenceSummary:
    """Count and users, unless there are too many of them."""
    shown: PresenceSummary = {"count": len(users)}
    if len(users) <= MAX_LISTED:
        shown["users"] = [*map(frames.user, users)]
    return shown
