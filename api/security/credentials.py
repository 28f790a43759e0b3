"""Random credentials and ids: made here, stored only as fingerprints."""

import hashlib
import secrets
import time
from uuid import UUID

SECRET_BYTES = 32  # 256 bits: beyond guessing, so no rate limit has to protect them.


def new_secret() -> str:
    """A session id or ticket: 43 characters that are safe in a URL and a cookie."""
    return secrets.token_urlsafe(SECRET_BYTES)


# What a service key begins with: so it is told from a token, and found where it should not be.
KEY_PREFIX = "irk_"


def new_key() -> str:
    """A service key: a secret that says what it is."""
    return f"{KEY_PREFIX}{new_secret()}"


# Likewise, of the text in an invite's link.
INVITE_PREFIX = "iri_"


def new_invite() -> str:
    """What the link of an invite shows."""
    return f"{INVITE_PREFIX}{new_secret()}"


def fingerprint(text: str) -> str:
    """What is stored in place of a random credential: SHA-256, 64 hexadecimal digits.

    Neither salted nor slow, since nobody can try 2^256 inputs; so one look-up finds the row.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def new_id(*, moment: int | None = None) -> str:
    """A UUID version 7 (RFC 9562, section 5.7): later ids sort after earlier ones.

    Its time is `moment`, in milliseconds, whatever the clock says; None: what that says.

    The 12 bits after the milliseconds hold their fraction (section 6.2, method 3), which orders
    ids down to 245 ns without shared state; closer ones, and a clock set back, may swap.
    """
    milliseconds, rest = divmod(time.time_ns() if moment is None else moment * 1_000_000, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    version_and_fraction = 0x7000 | fraction
    variant_and_random = 0b10 << 62 | secrets.randbits(62)
    value = (milliseconds & (2**48 - 1)) << 80 | version_and_fraction << 64 | variant_and_random
    return str(UUID(int=value))
