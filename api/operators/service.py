"""What an operator does to accounts, in a transaction: the server's, or the command line's own."""

import secrets

from sqlalchemy import select
from sqlmodel import col

from ..accounts import users
from ..accounts.names import is_username
from ..accounts.tokens import TokenRequest, create_api_token
from ..errors import Refusal
from ..history.transaction import Transaction
from ..models import User
from ..rights.access import Credential, Principal
from ..security import Issued, Tokens, new_id


def unguessable_password() -> str:
    """For a user who shall not sign in before somebody sets a password."""
    return secrets.token_urlsafe(32)


def replace_password(transaction: Transaction, *, username: str, password_hash: str) -> None:
    """Give a local user another password; ends their sessions and access tokens.

    Raises:
        Refusal: `not_found`, or `forbidden` for an outside user.
    """
    user = _known(transaction, username)
    if not is_username(user.username):
        raise Refusal("forbidden", "An outside user, or a key's, has no password here.")
    users.set_password(transaction, user_key=user.key, password_hash=password_hash)


def issue_api_token(
    transaction: Transaction, *, tokens: Tokens, username: str, wish: TokenRequest
) -> Issued:
    """An API token that acts for a user, in these items and within these roles.

    Raises:
        Refusal: `not_found`, `bad_request`, or `forbidden` when the user is disabled.
    """
    user = _known(transaction, username)
    transaction.hold_user(user.key)
    query = select(col(User.disabled), col(User.tokens_from)).where(col(User.key) == user.key)
    disabled, tokens_from = transaction.connection.execute(query).one()
    if disabled:
        raise Refusal("forbidden", "The user is disabled.")
    # As if the user had signed in this very moment: nothing that ended before can matter, also
    # not a password that was changed in this millisecond, or before the clock was set back.
    signed_in = Credential("access", new_id(), tokens_from, None)
    issued, _ = create_api_token(
        transaction, tokens, Principal(user.key, user.id, user.name, signed_in), wish
    )
    return issued


def _known(transaction: Transaction, username: str) -> users.Profile:
    user = users.find_user(transaction.connection, username)
    if user is None:
        raise Refusal("not_found", "There is no such user.")
    return user
