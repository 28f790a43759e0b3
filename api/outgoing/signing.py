"""Signatures by which a receiver knows that a call is ours: Standard Webhooks 1.0, symmetric."""

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
MIN_SECRET_BYTES = 24  # As the specification has it,
MAX_SECRET_BYTES = 64  # both ways.
NEW_SECRET_BYTES = 32


def new_secret() -> str:
    """One that nobody can guess."""
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_SECRET_BYTES)).decode()


def checked_secret(text: str) -> str:
    """A secret as it was given.

    Raises:
        ValueError: it is not `whsec_` and the Base64 of 24 to 64 bytes.
    """
    try:
        size = len(_key(text))
    except ValueError:
        size = 0
    if not (text.startswith(PREFIX) and MIN_SECRET_BYTES <= size <= MAX_SECRET_BYTES):
        raise ValueError(
            f"a secret is {PREFIX} and the Base64 of {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes"
        )
    return text


def signed(secret: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers that go with a body.

    Args:
        secret: a checked one.
        message_id: the same whenever this body is sent again: receivers drop what they had.
        at: epoch seconds of this sending; receivers refuse what is old.
        body: as it is sent, byte for byte.
    """
    content = b".".join((message_id.encode(), str(at).encode(), body))
    digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
