"""Makes tokens that no honest issuer would, signed with whatever key a test has at hand."""

import base64
import hashlib
import hmac
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import orjson
import pytest

from api.errors import Refusal
from api.security.tokens import Tokens

NOW = 1_800_000_000
SECRET = bytes(range(32))
ISSUER = "https://rooms.example.com"
AUDIENCE = "itemroom"

Sign = Callable[[bytes], bytes]


class Clock:
    """A clock that stands still until a test moves it; seconds."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@contextmanager
def exhausting_jose() -> Iterator[None]:
    """What a deep header does to jose, before it checks the signature.

    From Python 3.12 on it does not: deeper JSON is read than a token has room for.
    """
    limit = sys.getrecursionlimit()
    # As a server has it: tests of another kind raise it for themselves, and may not be done.
    sys.setrecursionlimit(1000)
    is_deep_enough = sys.version_info[:2] < (3, 12)
    try:
        with pytest.raises(RecursionError) if is_deep_enough else nullcontext():
            yield
    finally:
        sys.setrecursionlimit(limit)


def own_key(secret: bytes = SECRET) -> bytes:
    """The signing key of a secret. Derived here once more: a change would end every token."""
    return hmac.digest(secret, b"itemroom token key", "sha256")


def own_kid(secret: bytes = SECRET) -> str:
    return hashlib.sha256(b"itemroom token kid" + own_key(secret)).hexdigest()[:8]


def header(**changes: object) -> dict[str, object]:
    """The header of our own tokens, with changes."""
    return {"alg": "HS256", "kid": own_kid(), "typ": "itemroom+jwt"} | changes


def claims(**changes: object) -> dict[str, object]:
    """The claims of an own access token, with changes."""
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "iat": NOW,
        "exp": NOW + 3600,
        "jti": "0199c0de",
        "use": "access",
    } | changes


def without(values: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in values.items() if key != name}


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(head: object, body: object, sign: Sign) -> str:
    """A token of any header and claims; bytes are taken as they are."""
    parts = (part if isinstance(part, bytes) else orjson.dumps(part) for part in (head, body))
    signing_input = ".".join(encode(part) for part in parts)
    return f"{signing_input}.{encode(sign(signing_input.encode()))}"


def hs256(key: bytes) -> Sign:
    return lambda message: hmac.digest(key, message, "sha256")


def forge_own(
    head: object | None = None, body: object | None = None, secret: bytes = SECRET
) -> str:
    """A token signed with our own key: only what the test changes can be wrong with it."""
    return forge(
        header() if head is None else head,
        claims() if body is None else body,
        hs256(own_key(secret)),
    )


def check_refusal(caught: pytest.ExceptionInfo[Refusal], token: str, code: str) -> None:
    """A refusal has one code, and neither it nor a chained cause shows any of the token."""
    refusal = caught.value
    assert refusal.code == code
    assert refusal.__cause__ is None
    assert refusal.__context__ is None
    for part in filter(None, token.split(".")):
        assert len(part) < 4 or part not in f"{refusal!r} {refusal.args} {refusal.message}"


def make_tokens(clock: Clock, secret: bytes = SECRET, previous: tuple[bytes, ...] = ()) -> Tokens:
    return Tokens(secret, issuer=ISSUER, audience=AUDIENCE, previous=previous, clock=clock)


def refuse(tokens: Tokens, token: str, code: str = "auth_invalid") -> Refusal:
    with pytest.raises(Refusal) as caught:
        tokens.read(token)
    check_refusal(caught, token, code)
    return caught.value
