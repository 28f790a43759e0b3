"""Who is here."""

from dataclasses import dataclass, field

from itemroom.core.entries import Fields
from itemroom.core.frames import User

# Above this many users the server lists nobody.
MAX_LISTED = 200


@dataclass
class Presence:
    """The users in a room, kept current. Above 200 the server tells only how many they are."""

    count: int = 0
    is_listed: bool = False
    """Whether `users` is all of them."""
    _users: dict[str, User] = field(default_factory=dict, repr=False)

    @property
    def users(self) -> list[User]:
        """Those who are here, by their coming; empty while they are not listed."""
        return list(self._users.values())

    @property
    def is_partial(self) -> bool:
        """Whether users are missing: when a crowd has shrunk, the server tells only of changes."""
        return not self.is_listed and self.count <= MAX_LISTED

    def update(self, frame: Fields) -> None:
        """Take what `welcome` or a `presence` frame says."""
        self.count = frame["count"]
        if "users" in frame:
            self.is_listed = True
            self._users = {user["id"]: user for user in frame["users"]}
        elif self.is_listed and "join" in frame:
            self._users |= {user["id"]: user for user in frame["join"]}
            for user in frame["leave"]:
                self._users.pop(user["id"], None)
        else:
            self.is_listed = False
            self._users = {}
