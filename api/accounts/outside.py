"""Users and items that the host product's tokens bring along: made on first use."""

from sqlalchemy import or_
from sqlmodel import col, select

from ..history.transaction import Transaction
from ..models import User
from ..security import fingerprint, is_subject, new_id
from .names import OUTSIDE_PREFIX
from .users import find_user


def admit_outside_user(
    transaction: Transaction, *, issuer: str, subject: str, name: str | None
) -> None:
    """Make sure that an outside user exists, and is called as their token says, if it does."""
    issued = or_(col(User.issuer) == issuer, col(User.issuer).is_(None))
    query = select(User).where(issued, User.subject == subject)
    with transaction.session() as session:
        # Of both, the issuer's own.
        user = session.exec(query.order_by(col(User.issuer).is_(None))).first()
        if user is not None:
            user.issuer, user.name = issuer, name or user.name
    if user is None:
        _create_user(transaction, issuer, subject, name)


def expect_outside_user(
    transaction: Transaction, issuer: str | None, username: str, name: str | None = None
) -> None:
    """Make a user of the issuer who has not come yet, so that they can be made a member.

    Without an issuer it is one of the product's all the same: who is configured later finds them.

    Nothing happens for a username that somebody has, or that none of its subjects can have.
    """
    subject = username.removeprefix(OUTSIDE_PREFIX)
    if (
        username == subject
        or not is_subject(subject)
        or find_user(transaction.connection, username)
    ):
        return
    _create_user(transaction, issuer, subject, name)


def _create_user(
    transaction: Transaction, issuer: str | None, subject: str, name: str | None
) -> None:
    username = f"{OUTSIDE_PREFIX}{subject}"
    if find_user(transaction.connection, username) is not None:
        # The same subject of an issuer that was configured before: somebody else.
        mark = fingerprint(issuer or "")[:8]
        username = f"{OUTSIDE_PREFIX}{mark}:{subject}"
    user = User(
        id=new_id(),
        username=username,
        name=name or subject,
        issuer=issuer,
        subject=subject,
        created_at=transaction.now_ms,
    )
    with transaction.session() as session:
        session.add(user)
