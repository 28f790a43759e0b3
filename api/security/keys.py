"""Keys that verify signatures: each has one algorithm, and no token can choose another for it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from jose import jwk
from jose.backends.base import Key as JoseKey

from .claims import Unverified

MIN_SECRET_BYTES = 32  # RFC 7518, section 3.2: at least as long as the hash.
MIN_RSA_BITS = 2048  # RFC 7518, section 3.3.
MAX_RSA_BITS = 8192  # Verifying with a longer one is slow enough to be an attack.
MAX_JWKS_KEYS = 64
SYMMETRIC = "HS256"
# The key type that each public algorithm takes, and the members that make such a key.
_PUBLIC = {"RS256": ("RSA", ("n", "e")), "ES256": ("EC", ("crv", "x", "y"))}
PUBLIC_ALGORITHMS = frozenset(_PUBLIC)


@dataclass(frozen=True, slots=True)
class Key:
    """A key, the one algorithm that it is for, and the id by which tokens may name it."""

    algorithm: str
    kid: str | None
    material: JoseKey = field(repr=False)


def check_secret(secret: bytes) -> None:
    """Raise ValueError if the secret is too short: to start anyway would be to let anyone in."""
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"a secret for tokens needs at least {MIN_SECRET_BYTES} bytes")


def secret_key(secret: bytes, kid: str | None = None) -> Key:
    """A key for HS256, of a secret that was checked."""
    return Key(SYMMETRIC, kid, jwk.construct(secret, SYMMETRIC))


def verify_signature(unverified: Unverified, key: Key) -> None:
    """Return if the key signed the token.

    jose's keys do nothing else: its `jws` takes the token apart once more and its `jwt` a third
    time, lets wrong types and absent claims pass, and reads a clock that tests cannot set.

    Raises:
        Exception: of any kind (see `claims.guard`).
    """
    if unverified.header.get("alg") != key.algorithm:
        raise ValueError("not the algorithm that the key is for")
    if not key.material.verify(unverified.signed, unverified.signature):
        raise ValueError("not signed with this key")


def read_jwks(text: bytes) -> tuple[Key, ...]:
    """The keys of a JWK set that can verify our tokens; others are passed over (RFC 7517, 5).

    Raises:
        ValueError: this is no JWK set, or it has too many keys.
    """
    document = orjson.loads(text)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > MAX_JWKS_KEYS:
        raise ValueError(f"expected a JWK set of at most {MAX_JWKS_KEYS} keys")
    keys = (_public_key(entry) for entry in entries)
    return tuple(key for key in keys if key is not None)


def choose(keys: tuple[Key, ...], algorithm: str, kid: str | None) -> Key | None:
    """The one key that the token can mean, if there is exactly one.

    A token without a `kid`, and a key without one, are only beyond doubt when there is no other
    key: trying all of them would let a token pass with a key that was not meant for it.
    """
    alone = len(keys) == 1 and None in (kid, keys[0].kid)
    named = [key for key in keys if alone or (kid is not None and key.kid == kid)]
    fitting = [key for key in named if key.algorithm == algorithm]
    return fitting[0] if len(fitting) == 1 else None


def _public_key(entry: object) -> Key | None:
    if not isinstance(entry, dict):
        return None
    for algorithm, (kind, members) in _PUBLIC.items():
        if entry.get("kty") == kind and _is_meant_for(entry, algorithm):
            try:
                return _construct(entry, algorithm, members)
            except Exception:  # jose and cryptography raise what they please on a broken key.
                return None
    return None


def _is_meant_for(entry: Mapping[str, object], algorithm: str) -> bool:
    """Whether the key verifies with this algorithm, by what it says of itself.

    A set that shows private keys ("d") was published by mistake: such a key proves nothing.
    """
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("alg", algorithm) == algorithm
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in entry
    )


def _construct(entry: Mapping[str, object], algorithm: str, members: tuple[str, ...]) -> Key | None:
    kid = entry.get("kid")
    if kid is not None and not isinstance(kid, str):
        return None
    if algorithm == "RS256" and not MIN_RSA_BITS <= _bits(str(entry["n"])) <= MAX_RSA_BITS:
        return None
    if algorithm == "ES256" and entry["crv"] != "P-256":
        return None
    # Only the public members: jose would also act on others.
    material = jwk.construct({"kty": entry["kty"]} | {m: entry[m] for m in members}, algorithm)
    return Key(algorithm, kid, material)


def _bits(number: str) -> int:
    decoded = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))
    return int.from_bytes(decoded, "big").bit_length()
