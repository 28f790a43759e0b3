"""What edits, deletions and reactions read and change of what stands now."""

from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    Select,
    Update,
    and_,
    delete,
    insert,
    null,
    select,
    update,
)
from sqlalchemy.orm import aliased
from sqlmodel import col

from ..models import EntryRow, Reaction, User
from ..store.statements import statement
from .entries import Kind


def _entry(item_key: object, seq: object) -> ColumnElement[bool]:
    return and_(col(EntryRow.item_key) == item_key, col(EntryRow.seq) == seq)


def _reaction(item_key: int, target: int, value: str, user_key: int) -> ColumnElement[bool]:
    return and_(
        col(Reaction.item_key) == item_key,
        col(Reaction.target) == target,
        col(Reaction.value) == value,
        col(Reaction.user_key) == user_key,
    )


def _erased(deleted_seq: int) -> Update:
    erased = {col(EntryRow.body): null(), col(EntryRow.digest): null()}
    return update(EntryRow).values(erased | {col(EntryRow.deleted_seq): deleted_seq})


@statement
def find_author_name(user_key: int) -> Select[str, str]:
    """A user's id and name, as others see them."""
    return select(col(User.id), col(User.name)).where(col(User.key) == user_key)


@statement
def find_message(item_key: int, seq: int) -> Select[int, int | None]:
    """Who wrote it, and what deleted it."""
    return select(col(EntryRow.author_key), col(EntryRow.deleted_seq)).where(
        _entry(item_key, seq), col(EntryRow.kind) == Kind.MESSAGE.value
    )


@statement
def change_message(body: bytes, edited_seq: int, item_key: int, seq: int) -> Update:
    """Give a message another body, and say which entry did."""
    changed = {col(EntryRow.body): body, col(EntryRow.edited_seq): edited_seq}
    return update(EntryRow).where(_entry(item_key, seq)).values(changed)


@statement
def erase_message(deleted_seq: int, item_key: int, seq: int) -> Update:
    """Take its body away, and what could tell what it was."""
    return _erased(deleted_seq).where(_entry(item_key, seq))


@statement
def erase_edits(deleted_seq: int, item_key: int, target: int) -> Update:
    """Take the bodies of all edits of a message away."""
    # Found in the index alone, and changed by their keys: an update that goes through the index
    # itself reads all of the item's edits in some releases of SQLite, and its whole log in others.
    change = aliased(EntryRow)
    of_message = select(col(change.seq)).where(
        col(change.item_key) == item_key, col(change.target) == target
    )
    return _erased(deleted_seq).where(
        col(EntryRow.item_key) == item_key,
        col(EntryRow.seq).in_(of_message),
        col(EntryRow.kind) == Kind.EDIT.value,
    )


@statement
def erase_reactions(item_key: int, target: int) -> Delete:
    """Take all reactions off a message."""
    return delete(Reaction).where(
        col(Reaction.item_key) == item_key, col(Reaction.target) == target
    )


@statement
def find_reaction(item_key: int, target: int, value: str, user_key: int) -> Select[int, int]:
    """The seq of the entry that set it, and since when it stands."""
    entry = _entry(col(Reaction.item_key), col(Reaction.seq))
    mine = _reaction(item_key, target, value, user_key)
    return select(col(Reaction.seq), col(EntryRow.at)).join(EntryRow, entry).where(mine)


@statement
def add_reaction(item_key: int, target: int, value: str, user_key: int, seq: int) -> Insert:
    """Put a reaction on a message."""
    return insert(Reaction).values(
        {
            col(Reaction.item_key): item_key,
            col(Reaction.target): target,
            col(Reaction.value): value,
            col(Reaction.user_key): user_key,
            col(Reaction.seq): seq,
        }
    )


@statement
def remove_reaction(item_key: int, target: int, value: str, user_key: int) -> Delete:
    """Take one reaction off a message."""
    return delete(Reaction).where(_reaction(item_key, target, value, user_key))
