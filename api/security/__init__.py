"""Hash, verify, issue, read: the only importer of jose and passlib."""

from .claims import ClaimedRole, Claims, Use, is_subject
from .credentials import KEY_PREFIX, fingerprint, new_id, new_invite, new_key, new_secret
from .outside import OutsideIssuer, TokenReader
from .passwords import Passwords, Verified
from .tokens import Issued, Tokens

__all__ = [
    "KEY_PREFIX",
    "ClaimedRole",
    "Claims",
    "Issued",
    "OutsideIssuer",
    "Passwords",
    "TokenReader",
    "Tokens",
    "Use",
    "Verified",
    "fingerprint",
    "is_subject",
    "new_id",
    "new_invite",
    "new_key",
    "new_secret",
]
