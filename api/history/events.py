"""What a commit tells the live side: entries, and changes of rights that are no entries.

The writer hands them over after the commit, in the order in which they were made.
"""

from collections.abc import Callable
from dataclasses import dataclass

from api.history.entries import Author, Entry
from api.items.access import Credential, Role


@dataclass(frozen=True, slots=True)
class EntryStored:
    """An entry is on disk."""

    entry: Entry


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
class ReadMoved:
    """A user has read an item up to `seq`."""

    item_key: int
    reader: Author
    seq: int


@dataclass(frozen=True, slots=True)
class CredentialsEnded:
    """Credentials of a user for which `ended` is true no longer count."""

    user_key: int
    ended: Callable[[Credential], bool]


Event = (
    EntryStored | MemberChanged | DefaultRoleChanged | ItemDeleted | ReadMoved | CredentialsEnded
)
