from typing import Any

import pytest
from jose import jws

from api.security.outside import OutsideIssuer, TokenReader
from api.security.tokens import Tokens
from tests.security.forge import (
    AUDIENCE,
    ISSUER,
    NOW,
    SECRET,
    Clock,
    claims,
    exhausting_jose,
    forge,
    forge_own,
    header,
    hs256,
    own_key,
    without,
)
from tests.security.product import (
    PRODUCT,
    SHARED,
    forge_shared,
    product_claims,
    refuse,
    shared_issuer,
)

EMPTY: list[object] = [None, [], {}]
DEEP = b',"deep":' + b"[" * 1400 + b"]" * 1400 + b"}"


@pytest.fixture
def shared(clock: Clock) -> OutsideIssuer:
    return shared_issuer(clock)


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
