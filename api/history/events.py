"""What a commit tells: entries, and changes of rights that are no entries.

The writer hands them over after the commit, in the order in which they were made. They are data,
which another process understands as well.
"""

from dataclasses import dataclass

from ..rights.access import Credential, CredentialKind, Role
from .entries import Author, Entry


@dataclass(frozen=True, slots=True)
class EntryStored:
    """An entry is on disk."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class TextAdded:
    """A message in the making has more text. No entry: it has no seq."""

    item_key: int
    target: int
    part: int
    at: int
    """Where it stands, in code points."""
    text: str


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """A user's membership is now `role`; None: removed."""

    item_key: int
    user_key: int
    role: Role | None


@dataclass(frozen=True, slots=True)
class DefaultRoleChanged:
    """An item lets every signed-in user in with `role`; None: no longer."""

    item_key: int
    role: Role | None


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """An item and its log are gone for good."""

    item_key: int


@dataclass(frozen=True, slots=True)
class LogCut:
    """The beginning of a log is kept no longer. Nobody in the room is told."""

    item_key: int


@dataclass(frozen=True, slots=True)
class ReadMoved:
    """A user has read an item up to `seq`."""

    item_key: int
    reader: Author
    seq: int


@dataclass(frozen=True, slots=True)
class CredentialsEnded:
    """Credentials of a user no longer count; without more said, all of them."""

    user_key: int
    kinds: frozenset[CredentialKind] | None = None
    """Only those of these kinds."""
    ids: frozenset[str] | None = None
    """Only those with these ids."""
    kept: str | None = None
    """The id of one that goes on."""

    def ended(self, credential: Credential) -> bool:
        """Whether this one of the user's is meant."""
        if self.kinds is not None and credential.kind not in self.kinds:
            return False
        if self.ids is not None and credential.id not in self.ids:
            return False
        return self.kept is None or credential.id != self.kept


@dataclass(frozen=True, slots=True)
class UserRenamed:
    """A user is shown to others as `name` from now on."""

    user_key: int
    name: str


@dataclass(frozen=True, slots=True)
class UserDisconnected:
    """All sockets of a user are to be closed; what they show goes on."""

    user_key: int


Event = (
    EntryStored
    | TextAdded
    | MemberChanged
    | DefaultRoleChanged
    | ItemDeleted
    | LogCut
    | ReadMoved
    | CredentialsEnded
    | UserRenamed
    | UserDisconnected
)
