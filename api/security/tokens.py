"""Our own tokens: issued and read with keys made from the server's secret."""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from jose import jwt

from ..clock import clock as wall
from ..errors import Refusal
from .claims import (
    MAX_TOKEN_BYTES,
    ClaimedRole,
    Claims,
    Policy,
    Unverified,
    Use,
    guard,
    judge,
    parse,
)
from .credentials import new_id
from .keys import SYMMETRIC, Key, check_secret, secret_key, verify_signature

TYPE = "itemroom+jwt"
# The longest that a token of each use may live, in seconds.
MAX_TTL: Mapping[Use, int] = MappingProxyType(
    {"access": 3600, "api": 366 * 86400, "operator": 60},
)
# What speaks for a user. An operator's token commands the server, and must never open a room.
USER_USES: frozenset[Use] = frozenset({"access", "api"})


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token, shown once, and what it says."""

    token: str = field(repr=False)
    claims: Claims


class Tokens:
    """Issues and reads this server's tokens.

    Args:
        secret: signs; at least 32 bytes.
        previous: secrets that signed before: their tokens count until they expire.
        max_ttl: seconds by use, for issuing and reading; others than these uses do not exist.
        clock: epoch seconds.

    Raises:
        ValueError: a secret is too short.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        issuer: str,
        audience: str,
        previous: Sequence[bytes] = (),
        max_ttl: Mapping[Use, int] = MAX_TTL,
        clock: Callable[[], float] = wall.seconds,
    ) -> None:
        self._key = _derive(secret)
        # The current secret last, so that it wins should it also be listed as a previous one.
        self._keys = {key.kid: key for key in (*map(_derive, previous), self._key)}
        self._policy = Policy(issuer, audience, max_ttl, leeway=0, max_future=None)
        self._clock = clock

    @property
    def issuer(self) -> str:
        """The `iss` of these tokens."""
        return self._policy.issuer

    def issue(
        self,
        subject: str,
        *,
        use: Use,
        ttl: int,
        name: str | None = None,
        items: Mapping[str, ClaimedRole] | None = None,
        moment: int | None = None,
    ) -> Issued:
        """A token that lives for `ttl` seconds; its id is in the claims: see `new_id`.

        Raises:
            Refusal: `bad_request`, for a value that no token may have.
        """
        now = int(self._clock())
        claims: dict[str, object] = {
            "iss": self._policy.issuer,
            "aud": self._policy.audience,
            "sub": subject,
            "iat": now,
            "exp": now + ttl,
            "jti": new_id(moment=moment),
            "use": use,
        }
        if name is not None:
            claims["name"] = name
        if items is not None:
            claims["items"] = dict(items)
        try:
            judged = judge(claims, self._policy, use, now)
        except Refusal as refusal:
            raise Refusal("bad_request", refusal.message) from None
        return Issued(self._sign(claims), judged)

    def read(self, token: str, *, uses: Collection[Use] = USER_USES) -> Claims:
        """What a token says, if it is ours, valid, and for one of these uses.

        Raises:
            Refusal: `auth_invalid` or `auth_expired`.
        """
        return self.verify(parse(token), uses=uses)

    def read_operator(self, token: str) -> Claims:
        """What an operator's token says: who shows one holds the server's secret.

        Raises:
            Refusal: `auth_invalid` or `auth_expired`.
        """
        return self.read(token, uses={"operator"})

    def verify(self, unverified: Unverified, *, uses: Collection[Use] = USER_USES) -> Claims:
        """Claims of a token that was parsed already; raises as `read` does."""
        return guard(lambda token: self._verify(token, uses), unverified)

    def _verify(self, unverified: Unverified, uses: Collection[Use]) -> Claims:
        key = self._keys[unverified.header.get("kid")]
        if unverified.header != _header(key):
            raise ValueError("not a header of ours")
        verify_signature(unverified, key)
        use = next(use for use in uses if use == unverified.claims.get("use"))
        return judge(unverified.claims, self._policy, use, self._clock())

    def _sign(self, claims: dict[str, object]) -> str:
        token = jwt.encode(
            claims, self._key.material, algorithm=SYMMETRIC, headers=_header(self._key)
        )
        if len(token) > MAX_TOKEN_BYTES:
            raise Refusal(
                "bad_request",
                f"The token would be longer than {MAX_TOKEN_BYTES} bytes; name fewer items.",
            )
        return token


def _derive(secret: bytes) -> Key:
    """The key of a secret, and a `kid` that shows nothing of it.

    The labels keep apart what is made from one secret: a signature or a `kid` is of no use
    wherever else the secret may serve.
    """
    check_secret(secret)
    key = hmac.digest(secret, b"itemroom token key", "sha256")
    return secret_key(key, kid=hashlib.sha256(b"itemroom token kid" + key).hexdigest()[:8])


def _header(key: Key) -> dict[str, str | None]:
    return {"alg": key.algorithm, "kid": key.kid, "typ": TYPE}
