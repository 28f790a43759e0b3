"""Proving a password: the same work and the same answer for whatever is wrong."""

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, select, update
from sqlmodel import col

from ..errors import Refusal
from ..history.transaction import Transaction
from ..limits import network_of
from ..models import User
from ..state import State
from .guesses import guess
from .names import as_username, is_username
from .users import Profile, load_user


@dataclass(frozen=True, slots=True)
class Proof:
    """Somebody knew the password that had this hash."""

    user_key: int
    password_hash: str = field(repr=False)
    new_hash: str | None = field(default=None, repr=False)
    """The same password's hash with today's parameters, when they have changed."""


async def prove_password(state: State, address: str, username: str, password: str) -> Proof:
    """Check a password. Cancelling is safe.

    Failures are counted by the account and by the client's address.

    Raises:
        Refusal: `login_failed`, `rate_limited`, or `overloaded`.
    """
    # What no user can be called is counted together, so that it takes no memory.
    meant = as_username(username)
    account = meant if is_username(meant) else ""

    async def verify() -> Proof | None:
        stored = await state.readers.read(_load_proof, account)
        verified = await state.passwords.verify(password, stored.password_hash if stored else None)
        if stored is None or not verified.ok:
            return None
        return replace(stored, new_hash=verified.new_hash)

    proof = await guess(state, network_of(address), account, verify)
    if proof is None:
        raise Refusal("login_failed")
    return proof


def accept_proof(transaction: Transaction, proof: Proof) -> Profile:
    """The user, if the password that was proved is still theirs; stores a better hash of it.

    Between the proof and this transaction the password may have been changed or the user
    disabled, and what begins here would outlive that.

    Raises:
        Refusal: `login_failed`.
    """
    stored = (
        update(User)
        .where(
            col(User.key) == proof.user_key,
            col(User.password_hash) == proof.password_hash,
            col(User.disabled).is_(False),
        )
        .values({col(User.password_hash): proof.new_hash or proof.password_hash})
    )
    if transaction.connection.execute(stored).rowcount != 1:
        raise Refusal("login_failed")
    return load_user(transaction.connection, proof.user_key)


def _load_proof(connection: Connection, username: str) -> Proof | None:
    """What is proved if the password is right; a disabled and an outside user have none."""
    query = select(col(User.key), col(User.password_hash)).where(
        col(User.username) == username,
        col(User.password_hash).is_not(None),
        col(User.disabled).is_(False),
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Proof(row.key, row.password_hash)
