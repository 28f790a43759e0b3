"""Access tokens, and API tokens that are limited to items and a role."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, update
from sqlmodel import col, select

from ..errors import Refusal
from ..history.events import CredentialsEnded
from ..history.transaction import Transaction
from ..models import ApiToken, User
from ..rights.access import Principal, Role
from ..security import ClaimedRole, Issued, Tokens
from ..store.sessions import reading
from .login import Proof, accept_proof

MAX_API_TOKENS = 100  # Of one user, that count at the same time.

_CLAIMED: Mapping[Role, ClaimedRole] = {
    Role.READER: "reader",
    Role.WRITER: "writer",
    Role.ADMIN: "admin",
}


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What an API token shall be. `items`: item id, or prefix with a final `*`, to role."""

    name: str
    items: Mapping[str, Role]
    ttl: int
    """Seconds that it shall live."""


@dataclass(frozen=True, slots=True)
class TokenListed:
    """An API token as its user sees it. Times: milliseconds."""

    id: str
    name: str
    items: Mapping[str, Role]
    created_at: int
    expires_at: int


def issue_access_token(transaction: Transaction, tokens: Tokens, proof: Proof, ttl: int) -> Issued:
    """A token for whoever proved a password; `ttl` in seconds.

    Issued in the writer's thread, so that it is either before a change of the password, and
    ends with it, or after it, and needed the new one.

    Raises:
        Refusal: `login_failed`.
    """
    user = accept_proof(transaction, proof)
    query = select(col(User.tokens_from)).where(col(User.key) == user.key)
    # Later than the clock, if that was set back since the change, or in its own millisecond.
    moment = max(transaction.moment(), transaction.connection.execute(query).scalar_one())
    transaction.reach(moment)
    return tokens.issue(user.id, use="access", ttl=ttl, moment=moment)


def moment_of(jti: str) -> int:
    """When one of our own tokens was issued, in milliseconds.

    The claim `iat` has whole seconds, too coarse to tell what was issued before a password
    change from what was issued after it. Our `jti` is a UUID of version 7 and begins with them.
    """
    return uuid.UUID(jti).int >> 80


def create_api_token(
    transaction: Transaction, tokens: Tokens, principal: Principal, wish: TokenRequest
) -> tuple[Issued, TokenListed]:
    """A token that acts for its user, in these items and within these roles.

    Raises:
        Refusal: `auth_revoked`, `bad_request`, or `forbidden` when there are too many.
    """
    transaction.hold_user(principal.user_key)
    if transaction.standing(principal, "").credential_ended:
        raise Refusal("auth_revoked")
    if (
        len(list_api_tokens(transaction.connection, principal.user_key, transaction.now_ms))
        >= MAX_API_TOKENS
    ):
        raise Refusal("forbidden", f"A user has at most {MAX_API_TOKENS} API tokens.")
    items = {pattern: _CLAIMED[role] for pattern, role in wish.items.items()}
    issued = tokens.issue(principal.id, use="api", ttl=wish.ttl, items=items)
    listed = TokenListed(
        id=issued.claims.jti,
        name=wish.name,
        items=wish.items,
        created_at=moment_of(issued.claims.jti),
        expires_at=issued.claims.expires_at * 1000,
    )
    stored = ApiToken(
        jti=listed.id,
        user_key=principal.user_key,
        name=listed.name,
        items=orjson.dumps(items).decode(),
        created_at=listed.created_at,
        expires_at=listed.expires_at,
    )
    with transaction.session() as session:
        session.add(stored)
    return issued, listed


def list_api_tokens(connection: Connection, user_key: int, now: int) -> list[TokenListed]:
    """The API tokens of a user that count, the newest first."""
    query = (
        select(ApiToken)
        .where(
            col(ApiToken.user_key) == user_key,
            col(ApiToken.revoked_at).is_(None),
            col(ApiToken.expires_at) > now,
        )
        .order_by(col(ApiToken.jti).desc())
    )
    with reading(connection) as session:
        return [
            TokenListed(
                token.jti, token.name, _roles(token.items), token.created_at, token.expires_at
            )
            for token in session.exec(query)
        ]


def revoke_api_token(transaction: Transaction, user_key: int, jti: str) -> None:
    """End an API token, and close its sockets.

    Raises:
        Refusal: `not_found`, for somebody else's and for one that was revoked already.
    """
    revoked = transaction.connection.execute(
        update(ApiToken)
        .where(
            col(ApiToken.jti) == jti,
            col(ApiToken.user_key) == user_key,
            col(ApiToken.revoked_at).is_(None),
        )
        .values({col(ApiToken.revoked_at): transaction.now_ms})
    )
    if revoked.rowcount == 0:
        raise Refusal("not_found")
    transaction.emit(CredentialsEnded(user_key, kinds=frozenset({"api"}), ids=frozenset({jti})))


def _roles(stored: str) -> dict[str, Role]:
    return {pattern: Role(role) for pattern, role in orjson.loads(stored).items()}
