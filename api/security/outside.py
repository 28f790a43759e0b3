"""Tokens of an outside issuer, the host product, and the choice between its tokens and ours."""

from collections.abc import Callable
from typing import Protocol

from ..clock import clock as wall
from ..errors import Refusal
from .claims import Claims, Policy, Unverified, guard, judge, parse
from .jwks import Jwks
from .keys import Key, check_secret, choose, secret_key, verify_signature
from .tokens import Tokens

# RFC 9068 names access tokens "at+jwt"; RFC 7519 lets a header have no type at all.
TYPES = frozenset({None, "JWT", "at+jwt", "itemroom+jwt"})
LEEWAY = 30  # Seconds that two machines' clocks may differ,
MAX_FUTURE = 60  # and that a token may come from the future.
MAX_TTL = 86400  # Seconds. Nothing else can end an outside token, so it must end soon.


class Keys(Protocol):
    """Where an issuer's keys come from."""

    async def find(self, algorithm: str, kid: str | None) -> Key | None:
        """The key for a header's `alg` and `kid`, if there is exactly one."""
        ...

    async def aclose(self) -> None:
        """End what runs in the background."""
        ...


class SharedSecret:
    """The one secret that the host product and this server share, for HS256 alone.

    Raises:
        ValueError: the secret is shorter than 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        check_secret(secret)
        self._keys = (secret_key(secret),)

    async def find(self, algorithm: str, kid: str | None) -> Key | None:
        """The secret; whatever a product's library puts into `kid` says nothing about it."""
        return choose(self._keys, algorithm, kid)

    async def aclose(self) -> None:
        """There is nothing to end: no secret is ever fetched."""


class OutsideIssuer:
    """Reads the host product's tokens. `aclose()` it at the end.

    Args:
        secret: shared with the issuer, at least 32 bytes; or else
        jwks_url: where its public keys are, over HTTP or HTTPS.
        max_ttl: seconds that its tokens may live.
        clock: epoch seconds.

    Raises:
        ValueError: not exactly one of secret and URL, or one that is no good.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        secret: bytes | None = None,
        jwks_url: str | None = None,
        max_ttl: int = MAX_TTL,
        clock: Callable[[], float] = wall.seconds,
    ) -> None:
        if (secret is None) == (jwks_url is None):
            raise ValueError("an outside issuer needs either a secret or the URL of its keys")
        self._keys: Keys = SharedSecret(secret) if secret is not None else Jwks(str(jwks_url))
        self._policy = Policy(issuer, audience, {"outside": max_ttl}, LEEWAY, MAX_FUTURE)
        self._clock = clock

    @property
    def issuer(self) -> str:
        """The `iss` of these tokens."""
        return self._policy.issuer

    async def read(self, token: str) -> Claims:
        """What a token says, if the issuer signed it for this server. Cancelling is safe.

        May wait some seconds for the issuer's keys, but not when the key is known.

        Raises:
            Refusal: `auth_invalid`, `auth_expired`, or `overloaded` while keys cannot be had.
        """
        return await self.verify(parse(token))

    async def verify(self, unverified: Unverified) -> Claims:
        """Claims of a token that was parsed already; waits and raises as `read` does."""
        header = unverified.header
        # Whoever marks an extension as critical wants it refused by those who do not know it.
        if header.get("typ") not in TYPES or "crit" in header:
            raise Refusal("auth_invalid")
        key = await self._keys.find(header.get("alg", ""), header.get("kid"))
        if key is None:
            raise Refusal("auth_invalid")
        return guard(lambda token: self._judge(token, key), unverified)

    async def aclose(self) -> None:
        """End a fetch of keys that may be under way."""
        await self._keys.aclose()

    def _judge(self, unverified: Unverified, key: Key) -> Claims:
        verify_signature(unverified, key)
        return judge(unverified.claims, self._policy, "outside", self._clock())


class TokenReader:
    """Reads tokens that speak for a user, whoever issued them.

    The unverified `iss` chooses the verifier, and there is no second try: a token that one issuer
    refuses must not be accepted because another issuer's rules are looser.

    Raises:
        ValueError: both issuers have the same name.
    """

    def __init__(self, tokens: Tokens, outside: OutsideIssuer | None = None) -> None:
        if outside is not None and outside.issuer == tokens.issuer:
            raise ValueError("the outside issuer's name is this server's own")
        self._tokens = tokens
        self._outside = outside

    async def read(self, token: str) -> Claims:
        """What a token says. Cancelling is safe.

        Raises:
            Refusal: `auth_invalid`, `auth_expired` or `overloaded`.
        """
        unverified = parse(token)
        if self._outside is not None and unverified.claims.get("iss") == self._outside.issuer:
            return await self._outside.verify(unverified)
        return self._tokens.verify(unverified)
