"""Passwords that are set: a new user's, and a changed one."""

import time
from functools import partial

from ..errors import Refusal
from ..history.transaction import Transaction
from ..limits import network_of
from ..rights.access import Principal
from ..state import State
from .login import Proof, accept_proof, prove_password
from .schemas import PasswordChange, Registration
from .users import (
    Profile,
    create_user,
    find_user,
    load_user,
    set_password,
    username_taken,
)


async def register_user(state: State, address: str, wish: Registration) -> Profile:
    """A new user, by their own wish; only so many from one address.

    Raises:
        Refusal: `registration_closed`, `taken`, `bad_request`, `rate_limited`, or `overloaded`.
    """
    if state.settings.registration != "open":
        raise Refusal("registration_closed")
    password = wish.password.get_secret_value()
    state.passwords.check_password(password)
    if wait := state.registrations.take(network_of(address), time.monotonic(), state.servers):
        message = "Too many new users from your address."
        raise Refusal("rate_limited", message, retry_after=wait)
    # Asked again in the transaction; asked here so that no hash is computed for nothing.
    if await state.readers.read(find_user, wish.username) is not None:
        raise username_taken()
    password_hash = await state.passwords.hash(password)
    return await state.writer.call(
        partial(
            create_user,
            username=wish.username,
            password_hash=password_hash,
            name=wish.display_name,
        )
    )


async def change_password(
    state: State, principal: Principal, address: str, change: PasswordChange
) -> None:
    """Replace a user's password. The session in use, if it is one, is the only one that stays.

    Raises:
        Refusal: `login_failed`, `rate_limited`, `bad_request`, or `overloaded`.
    """
    new_password = change.new_password.get_secret_value()
    state.passwords.check_password(new_password, field="new_password")
    user = await state.readers.read(load_user, principal.user_key)
    current = change.current_password.get_secret_value()
    proof = await prove_password(state, address, user.username, current)
    password_hash = await state.passwords.hash(new_password)
    keep = principal.credential.id if principal.credential.kind == "session" else None
    await state.writer.call(
        partial(_replace, proof=proof, password_hash=password_hash, keep_session=keep)
    )


def _replace(
    transaction: Transaction, *, proof: Proof, password_hash: str, keep_session: str | None
) -> None:
    accept_proof(transaction, proof)
    set_password(
        transaction, user_key=proof.user_key, password_hash=password_hash, keep_session=keep_session
    )
