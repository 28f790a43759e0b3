"""Tokens of outside issuers with public keys."""

import hmac
import random

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jose import jws

from api.security.outside import OutsideIssuer
from tests.security.forge import (
    AUDIENCE,
    Clock,
    Sign,
    forge,
)
from tests.security.jwks_server import JwksServer
from tests.security.product import (
    PRODUCT,
    product_claims,
    refuse,
)
from tests.security.public_keys import RSA_KEY, ec_jwk, es256, rs256, rsa_jwk


async def public_issuer(server: JwksServer, clock: Clock, *entries: object) -> OutsideIssuer:
    server.publish(*entries)
    return OutsideIssuer(PRODUCT, AUDIENCE, jwks_url=server.url, clock=clock)


def signed(alg: str, sign: Sign, **head: object) -> str:
    return forge({"alg": alg, "typ": "JWT"} | head, product_claims(), sign)


async def test_tokens_of_public_keys_are_read(server: JwksServer, clock: Clock) -> None:
    """RS256 and ES256, by key id, and with one fetch for all."""
    issuer = await public_issuer(server, clock, rsa_jwk(kid="r"), ec_jwk(kid="e"))
    assert (await issuer.read(signed("RS256", rs256(), kid="r"))).subject == "product|7"
    assert (await issuer.read(signed("ES256", es256(), kid="e"))).use == "outside"
    await refuse(issuer, signed("ES256", es256(), kid="r"))
    await refuse(issuer, signed("RS256", rs256(), kid="e"))
    await refuse(issuer, signed("RS256", lambda _: b"x" * 256, kid="r"))
    await refuse(issuer, signed("ES256", lambda _: b"x", kid="e"))
    assert server.requests == 1
    await issuer.aclose()


async def test_public_key_is_no_secret(server: JwksServer, clock: Clock) -> None:
    """Algorithm confusion: whoever knows the public key signs with it as if it were a secret.

    The control shows that jose alone verifies the forgery, by the algorithm that the token names.
    """
    issuer = await public_issuer(server, clock, rsa_jwk(kid="k"))
    public = RSA_KEY.public_key()
    formats = (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1)
    texts = [public.public_bytes(e, f) for e in (Encoding.DER, Encoding.PEM) for f in formats]
    for text in [*texts, str(rsa_jwk()["n"]).encode(), orjson.dumps(rsa_jwk(kid="k"))]:
        for alg, digest in (("HS256", "sha256"), ("HS512", "sha512"), ("RS256", "sha256")):
            forged = signed(alg, lambda m, t=text, d=digest: hmac.digest(t, m, d), kid="k")  # type: ignore[misc]
            if text in texts[:2] and alg.startswith("HS"):
                assert jws.verify(forged, text, algorithms=None)
            await refuse(issuer, forged)
    assert (await issuer.read(signed("RS256", rs256(), kid="k"))).use == "outside"
    await issuer.aclose()


@pytest.mark.parametrize("alg", ["none", "HS256", "RS384", "PS256", "ES384", "EdDSA", "dir", ""])
async def test_other_algorithm_is_refused_without_a_fetch(
    server: JwksServer, clock: Clock, alg: str
) -> None:
    """A header alone decides that, so it costs the issuer nothing."""
    issuer = await public_issuer(server, clock, rsa_jwk())
    await refuse(issuer, signed(alg, rs256()))
    assert server.requests == 0
    await issuer.aclose()


@pytest.mark.parametrize(
    ("entries", "kid", "accepted"),
    [
        ([rsa_jwk()], None, True),
        ([rsa_jwk()], "k", True),
        ([rsa_jwk(kid="k")], None, True),
        ([rsa_jwk(kid="k")], "k", True),
        ([rsa_jwk(kid="k")], "other", False),
        ([rsa_jwk(kid="k")], "", False),
        ([rsa_jwk(kid="k"), ec_jwk(kid="e")], "k", True),
        ([rsa_jwk(kid="k"), ec_jwk(kid="e")], None, False),
        ([rsa_jwk(), ec_jwk()], None, False),
        ([rsa_jwk(), ec_jwk(kid="e")], "k", False),
        ([rsa_jwk(kid="k"), ec_jwk(kid="k")], "k", True),
        ([rsa_jwk(kid="k"), rsa_jwk(kid="k")], "k", False),
        ([ec_jwk(kid="k")], "k", False),
        ([ec_jwk()], None, False),
        ([rsa_jwk(kid="k"), rsa_jwk(use="enc")], None, True),
        ([], "k", False),
    ],
)
async def test_key_counts_only_if_it_is_beyond_doubt(
    server: JwksServer,
    clock: Clock,
    entries: list[object],
    kid: str | None,
    accepted: bool,  # noqa: FBT001 - a column of the table above.
) -> None:
    """By its id, or because there is no other; never because it happens to fit."""
    issuer = await public_issuer(server, clock, *entries)
    token = signed("RS256", rs256(), **({} if kid is None else {"kid": kid}))
    if accepted:
        assert (await issuer.read(token)).subject == "product|7"
    else:
        await refuse(issuer, token)
    await issuer.aclose()


async def test_mutated_public_tokens_are_refused(server: JwksServer, clock: Clock) -> None:
    """One changed character anywhere in the token and it is refused."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    issuer = await public_issuer(server, clock, rsa_jwk(kid="r"), ec_jwk(kid="e"))
    for token in (signed("RS256", rs256(), kid="r"), signed("ES256", es256(), kid="e")):
        assert (await issuer.read(token)).subject == "product|7"
        for _ in range(200):
            at = chance.randrange(len(token))
            new = chance.choice([char for char in "AQgw-_.=09z" if char != token[at]])
            await refuse(issuer, token[:at] + new + token[at + 1 :])
    await issuer.aclose()
