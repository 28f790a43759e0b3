"""Users and items that the host product's tokens bring along: made on first use."""

from sqlmodel import select

from ..history.transaction import Transaction
from ..models import User
from ..security import Claims, fingerprint, is_subject, new_id
from .names import OUTSIDE_PREFIX
from .users import find_user


def admit_outside_user(transaction: Transaction, claims: Claims) -> None:
    """Make sure that the user of an outside token exists, and is called as the token says."""
    query = select(User).where(User.issuer == claims.issuer, User.subject == claims.subject)
    with transaction.session() as session:
        user = session.exec(query).one_or_none()
        if user is not None and claims.name is not None:
            user.name = claims.name
    if user is None:
        _create_user(transaction, claims.issuer, claims.subject, claims.name)


def expect_outside_user(transaction: Transaction, issuer: str, username: str) -> None:
    """Make a user of the issuer who has not come yet, so that they can be made a member.

    Nothing happens for a username that somebody has, or that none of its subjects can have.
    """
    subject = username.removeprefix(OUTSIDE_PREFIX)
    if (
        username == subject
        or not is_subject(subject)
        or find_user(transaction.connection, username)
    ):
        return
    _create_user(transaction, issuer, subject, None)


def _create_user(transaction: Transaction, issuer: str, subject: str, name: str | None) -> None:
    username = f"{OUTSIDE_PREFIX}{subject}"
    if find_user(transaction.connection, username) is not None:
        # The same subject of an issuer that was configured before: somebody else.
        mark = fingerprint(issuer)[:8]
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
