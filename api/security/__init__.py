"""Hash, verify, issue, read: the only importer of jose and passlib."""

from api.security.claims import ClaimedRole, Claims, Use, is_subject
from api.security.credentials import fingerprint, new_id, new_secret
from api.security.outside import OutsideIssuer, TokenReader
from api.security.passwords import Passwords, Verified
from api.security.tokens import Issued, Tokens

__all__ = [
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
    "new_secret",
]
