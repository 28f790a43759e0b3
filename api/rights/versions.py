"""The versions of rights: who remembers what `grant` judged by remembers these beside it.

They move in the transaction that changes a right, under the lock of the row that has it. So what
is remembered holds for as long as the version under that lock is the one that was read with it.
"""

from sqlalchemy import Update, update
from sqlmodel import col

from ..models import Item, User
from ..store.statements import statement


@statement
def bump_item(item_key: int) -> Update:
    """A member, the default role, or the item itself has changed."""
    moved = {col(Item.rights): col(Item.rights) + 1}
    return update(Item).where(col(Item.key) == item_key).values(moved)


@statement
def bump_user(user_key: int) -> Update:
    """Something that a user can show has ended, or they are called otherwise."""
    moved = {col(User.rights): col(User.rights) + 1}
    return update(User).where(col(User.key) == user_key).values(moved)
