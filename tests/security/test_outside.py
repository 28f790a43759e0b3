import hmac
import random
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jose import jws

from api.errors import Refusal
from api.security.outside import OutsideIssuer, TokenReader
from api.security.tokens import Tokens
from tests.security.forge import (
    AUDIENCE,
    ISSUER,
    NOW,
    SECRET,
    Clock,
    Sign,
    check_refusal,
    claims,
    exhausting_jose,
    forge,
    forge_own,
    header,
    hs256,
    own_key,
    without,
)
from tests.security.jwks_server import JwksServer
from tests.security.public_keys import RSA_KEY, ec_jwk, es256, rs256, rsa_jwk

EMPTY: list[object] = [None, [], {}]
PRODUCT = "https://product.example"
SHARED = b"shared with the product, 32 bytes"
DEEP = b',"deep":' + b"[" * 1400 + b"]" * 1400 + b"}"


def product_claims(**changes: object) -> dict[str, object]:
    return without(claims(iss=PRODUCT, sub="product|7"), "use") | changes


def forge_shared(body: object | None = None, **head: object) -> str:
    """A token that the product signs with the shared secret."""
    body = product_claims() if body is None else body
    return forge({"alg": "HS256", "typ": "JWT"} | head, body, hs256(SHARED))


def shared_issuer(clock: Clock, **settings: Any) -> OutsideIssuer:
    return OutsideIssuer(PRODUCT, AUDIENCE, secret=SHARED, clock=clock, **settings)


@pytest.fixture
def shared(clock: Clock) -> OutsideIssuer:
    return shared_issuer(clock)


async def refuse(
    reader: OutsideIssuer | TokenReader, token: str, code: str = "auth_invalid"
) -> None:
    with pytest.raises(Refusal) as caught:
        await reader.read(token)
    check_refusal(caught, token, code)


# The shared secret


async def test_token_of_the_shared_secret_is_read(shared: OutsideIssuer) -> None:
    """What the product says of its user; that it also says `use` means nothing here."""
    items = {"order-*": "writer"}
    read = await shared.read(forge_shared(product_claims(name="Ada", items=items, use="operator")))
    assert (read.issuer, read.subject, read.name) == (PRODUCT, "product|7", "Ada")
    assert (read.use, read.items) == ("outside", items)


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "itemroom+jwt"])
@pytest.mark.parametrize("kid", ["any", ""])
async def test_usual_header_is_read(shared: OutsideIssuer, typ: str, kid: str) -> None:
    """Products' libraries write headers of several kinds."""
    assert (await shared.read(forge_shared(typ=typ, kid=kid, x5t="x"))).subject == "product|7"


async def test_header_without_a_type_is_read(shared: OutsideIssuer) -> None:
    """RFC 7519 does not require one."""
    token = forge({"alg": "HS256"}, product_claims(), hs256(SHARED))
    assert (await shared.read(token)).subject == "product|7"


@pytest.mark.parametrize(
    "head",
    [
        *({"alg": alg} for alg in ("none", "HS384", "HS512", "RS256", "ES256", "", "hs256", "A")),
        *({"alg": alg} for alg in (None, 1, ["HS256"])),
        *({"typ": typ} for typ in ("JWE", "logout+jwt", "secevent+jwt", "", None, 1)),
        *({"kid": kid} for kid in (*EMPTY, 1)),
        *({"crit": crit} for crit in ("exp", ["exp"])),
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"b64": False},
    ],
    ids=str,
)
async def test_unusual_header_is_refused(shared: OutsideIssuer, head: dict[str, object]) -> None:
    """Signed with the right key, and still refused."""
    await refuse(shared, forge_shared(**head))


async def test_missing_algorithm_is_refused(shared: OutsideIssuer) -> None:
    """The key does not lend its algorithm to a token that names none."""
    await refuse(shared, forge({"typ": "JWT"}, product_claims(), hs256(SHARED)))


async def test_deep_header_is_refused(shared: OutsideIssuer) -> None:
    """It would exhaust jose's stack: the control shows that it does."""
    token = forge(b'{"alg":"HS256"' + DEEP, product_claims(), hs256(SHARED))
    with exhausting_jose():
        jws.verify(token, SHARED, algorithms=["HS256"])
    await refuse(shared, token)


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "iat", "exp", "jti"])
async def test_absent_claim_is_refused(shared: OutsideIssuer, name: str) -> None:
    """The contract requires the same claims of every issuer."""
    await refuse(shared, forge_shared(without(product_claims(), name)))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": ISSUER},
        {"aud": "another"},
        {"exp": NOW + 86401},
        {"iat": NOW + 61},
        {"nbf": NOW + 31},
        {"exp": "1800003600"},
        {"sub": 7},
    ],
    ids=str,
)
async def test_claim_that_does_not_fit_is_refused(
    shared: OutsideIssuer, changes: dict[str, object]
) -> None:
    """The issuer is believed about its users, not about what a token is."""
    await refuse(shared, forge_shared(product_claims(**changes)))


async def test_leeway_of_30_seconds_is_given(shared: OutsideIssuer, clock: Clock) -> None:
    """Two machines' clocks differ, so a token is good half a minute longer, and no more."""
    token = forge_shared(product_claims(nbf=NOW + 30))
    assert (await shared.read(token)).expires_at == NOW + 3600
    clock.now = NOW + 3629
    assert (await shared.read(token)).expires_at == NOW + 3600
    clock.now = NOW + 3630
    await refuse(shared, token, "auth_expired")


async def test_wrong_signature_is_refused_also_when_expired(
    shared: OutsideIssuer, clock: Clock
) -> None:
    """An expired forgery is a forgery."""
    token = forge({"alg": "HS256"}, product_claims(), hs256(SECRET))
    await refuse(shared, token)
    clock.now = NOW + 7200
    await refuse(shared, token)


@pytest.mark.parametrize(
    "settings",
    [{}, {"secret": SHARED, "jwks_url": "https://x.example/"}, {"secret": b"x" * 31}]
    + [{"jwks_url": url} for url in ("", "file:///etc/passwd", "ftp://x/", "https://", "x")],
    ids=str,
)
def test_useless_keys_do_not_start(settings: dict[str, Any]) -> None:
    """Exactly one source of keys, and one that can be trusted."""
    with pytest.raises(ValueError, match=r"either a secret|at least 32 bytes|must start with http"):
        OutsideIssuer(PRODUCT, AUDIENCE, **settings)


# Whose token is it?


@pytest.fixture
def reader(tokens: Tokens, shared: OutsideIssuer) -> TokenReader:
    return TokenReader(tokens, shared)


async def test_issuer_chooses_the_verifier(reader: TokenReader, tokens: Tokens) -> None:
    """Both kinds of token come by the same road."""
    assert (await reader.read(forge_own())).use == "access"
    assert (await reader.read(forge_shared())).use == "outside"
    assert (await TokenReader(tokens).read(forge_own())).use == "access"


@pytest.mark.parametrize(
    "token",
    [
        forge({"alg": "HS256", "typ": "JWT"}, claims(), hs256(SHARED)),
        forge(header(), claims(), hs256(SHARED)),
        forge(header(), product_claims(use="access"), hs256(own_key())),
        forge({"alg": "HS256", "typ": "JWT"}, product_claims(), hs256(own_key())),
        forge_own(body=claims(iss="https://third.example")),
        forge_own(body=without(claims(), "iss")),
        forge_own(body=b"[]"),
        forge_own(body=claims(iss=[PRODUCT, ISSUER])),
        forge_own(body=claims(use="operator", exp=NOW + 60)),
    ],
)
async def test_key_of_one_issuer_never_signs_for_the_other(reader: TokenReader, token: str) -> None:
    """There is no second try with other keys or looser rules."""
    await refuse(reader, token)


async def test_outside_token_without_an_outside_issuer_is_refused(tokens: Tokens) -> None:
    """Who configured no issuer believes none."""
    await refuse(TokenReader(tokens), forge_shared())


def test_two_issuers_of_one_name_do_not_start(tokens: Tokens) -> None:
    """Else the outside issuer could speak for our own users."""
    same = OutsideIssuer(ISSUER, AUDIENCE, secret=SHARED)
    with pytest.raises(ValueError, match="this server's own"):
        TokenReader(tokens, same)


# Public keys


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
