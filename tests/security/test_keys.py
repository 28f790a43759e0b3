import hmac

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jws

from api.security.claims import parse
from api.security.keys import MAX_JWKS_KEYS, read_jwks, secret_key, verify_signature
from tests.security.forge import SECRET, encode, forge, hs256, without
from tests.security.public_keys import ec_jwk, rsa_jwk

EMPTY: list[object] = [None, [], {}]


def test_key_verifies_its_own_algorithm_and_no_other() -> None:
    """Even a token that got as far as the key cannot choose how the key is used."""
    key = secret_key(SECRET)
    body = {"sub": "ada"}
    verify_signature(parse(forge({"alg": "HS256"}, body, hs256(SECRET))), key)
    other = forge({"alg": "HS512"}, body, lambda message: hmac.digest(SECRET, message, "sha512"))
    assert jws.verify(other, SECRET, algorithms=["HS512"])
    with pytest.raises(ValueError, match="not the algorithm"):
        verify_signature(parse(other), key)


def kids(*entries: object) -> list[str | None]:
    return [key.kid for key in read_jwks(orjson.dumps({"keys": entries}))]


@pytest.mark.parametrize(
    "entry",
    [
        rsa_jwk(kid="k"),
        rsa_jwk(kid="k", alg="RS256", use="sig", key_ops=["verify"], x5c=["MIIC"]),
        ec_jwk(kid="k"),
        ec_jwk(kid="k", alg="ES256", use="sig"),
    ],
    ids=["rsa", "rsa-full", "ec", "ec-full"],
)
def test_usable_public_key_is_taken(entry: object) -> None:
    """Unknown members are ignored."""
    assert kids(entry) == ["k"]


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": encode(SECRET), "alg": "HS256"},
        {"kty": "OKP", "crv": "Ed25519", "x": encode(bytes(32))},
        {},
        [],
        None,
        "RSA",
        *[rsa_jwk(alg=alg) for alg in ("HS256", "RS512", "PS256", "ES256", "none", None)],
        *[rsa_jwk(use=use) for use in ("enc", None, ["sig"])],
        *[rsa_jwk(key_ops=operations) for operations in (["encrypt"], [], "verify", None)],
        *[rsa_jwk(kid=kid) for kid in (*EMPTY[1:], 1, ["k"])],
        rsa_jwk(d="AQAB"),
        rsa_jwk(rsa.generate_private_key(65537, 1024)),
        rsa_jwk(n=encode(b"\xff" * 1025)),
        *[rsa_jwk(n=n) for n in (*EMPTY, 5, "", "!")],
        *[rsa_jwk(e=e) for e in (None, "", "AQ", 3)],
        without(rsa_jwk(), "e"),
        without(rsa_jwk(), "n"),
        ec_jwk(ec.generate_private_key(ec.SECP384R1()), crv="P-384"),
        ec_jwk(crv="secp256k1"),
        ec_jwk(crv=None),
        ec_jwk(x=encode(bytes(32))),
        without(ec_jwk(), "y"),
        ec_jwk(alg="RS256"),
    ],
)
def test_unusable_public_key_is_passed_over(entry: object) -> None:
    """Symmetric, weak, broken, private or meant for something else: the others still count."""
    assert kids(entry, rsa_jwk(kid="good")) == ["good"]


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":null}', b"<html>", b"\xff", b"[" * 9000),
        orjson.dumps({"keys": [rsa_jwk()] * (MAX_JWKS_KEYS + 1)}),
    ],
    ids=lambda text: str(text[:12]),
)
def test_answer_that_is_no_key_set_is_refused(text: bytes) -> None:
    """An error page must not empty the set of keys."""
    with pytest.raises(ValueError, match=r"expected|empty|unexpected|EOF|UTF-8|depth|str"):
        read_jwks(text)
