"""A product as an outside issuer: what it says of its users, and how it signs."""

from typing import Any

import pytest

from api.errors import Refusal
from api.security.outside import OutsideIssuer, TokenReader
from tests.security.forge import (
    AUDIENCE,
    Clock,
    check_refusal,
    claims,
    forge,
    hs256,
    without,
)

PRODUCT = "https://product.example"


SHARED = b"shared with the product, 32 bytes"


def product_claims(**changes: object) -> dict[str, object]:
    return without(claims(iss=PRODUCT, sub="product|7"), "use") | changes


def forge_shared(body: object | None = None, **head: object) -> str:
    """A token that the product signs with the shared secret."""
    body = product_claims() if body is None else body
    return forge({"alg": "HS256", "typ": "JWT"} | head, body, hs256(SHARED))


def shared_issuer(clock: Clock, **settings: Any) -> OutsideIssuer:
    return OutsideIssuer(PRODUCT, AUDIENCE, secret=SHARED, clock=clock, **settings)


async def refuse(
    reader: OutsideIssuer | TokenReader, token: str, code: str = "auth_invalid"
) -> None:
    with pytest.raises(Refusal) as caught:
        await reader.read(token)
    check_refusal(caught, token, code)
