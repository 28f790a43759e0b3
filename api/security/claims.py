"""What a token says: taken apart within bounds, then judged claim by claim. No key is used here.

Claims of a token whose signature was not verified are good for one thing: choosing the verifier.
"""

import binascii
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NoReturn, TypeVar, cast

import orjson

from ..errors import Refusal
from ..letters import is_addressable, is_visible

ClaimedRole = Literal["reader", "writer", "admin"]
Use = Literal["access", "api", "operator", "outside"]

ROLES = frozenset({"reader", "writer", "admin"})
MAX_TOKEN_BYTES = 4096  # As much as a cookie; a line of a request must hold it.
MAX_TEXT_LENGTH = 128  # Characters of `sub`, `jti` and `name`: they become columns.
MAX_ITEM_PATTERNS = 100  # Each request of the token's owner may look at all of them.
MAX_INTEGER = 2**53  # What every JSON implementation keeps exactly.

# The alphabet of base64url in that of base64 (RFC 4648, section 5).
_STANDARD = bytes.maketrans(b"-_", b"+/")
_SEGMENTS = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_ITEM_PATTERN = re.compile(r"(?=.{1,128}\Z)(?:[A-Za-z0-9][A-Za-z0-9._:-]*)?\*?")
# Control characters, surrogates and line ends have no place in a name; nor do the characters that
# turn the direction of what follows, with which one name is made to look like another.
_NAMELESS_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTION_CHANGES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

Argument = TypeVar("Argument")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says.

    Attributes:
        issuer: ours or the outside issuer's; a subject means nothing without it.
        subject: 1 to 128 printable characters.
        jti: the token's own id. Revoke by it, never by the token's text.
        issued_at: epoch seconds, as is `expires_at`.
        use: what the token is for; `outside` for every token of the outside issuer.
        name: how to show the subject.
        items: roles by item id, or by its beginning and a final `*`. `None` is no limit, and an
            empty map reaches no item.
    """

    issuer: str
    subject: str
    jti: str
    issued_at: int
    expires_at: int
    use: Use
    name: str | None = None
    items: Mapping[str, ClaimedRole] | None = None


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token that has a token's form, and no more."""

    signed: bytes = field(repr=False)
    """What the signature is of: the first two segments, as they came."""
    signature: bytes = field(repr=False)
    header: dict[str, str] = field(repr=False)
    claims: dict[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """What one issuer's tokens must say. Times are seconds; `max_ttl` bounds `exp` - `iat`.

    Attributes:
        leeway: that `nbf` and `exp` may be off.
        max_future: that `iat` may be ahead of our clock; None: whatever `iat` and `nbf` say. Of
            our own tokens the signature proves that they were issued: if that is in the future,
            it is our clock that was set back, perhaps by hours.
    """

    issuer: str
    audience: str
    max_ttl: Mapping[Use, int]
    leeway: int
    max_future: int | None


def parse(token: str) -> Unverified:
    """Take a token apart, without believing any of it.

    Raises:
        Refusal: `auth_invalid`.
    """
    return guard(_parse, token)


def guard(step: Callable[[Argument], Result], argument: Argument) -> Result:
    """Run a step on hostile input: whatever it raises becomes one refusal.

    The refusal is raised after the handler has ended, so that no cause is chained to it: jose's,
    orjson's and Unicode errors hold the token or parts of it, and a log would show them.

    Raises:
        Refusal: `auth_invalid`, or the step's own.
    """
    try:
        return step(argument)
    except Refusal:
        raise
    except Exception:  # jose alone lets six kinds escape, RecursionError among them.
        refusal = Refusal("auth_invalid")
    raise refusal


def judge(claims: dict[str, object], policy: Policy, use: Use, now: float) -> Claims:
    """The claims as far as they fit the policy; only for a token whose signature was verified.

    Raises:
        Refusal: `auth_invalid`, or `auth_expired` if that is all there is against it.
    """
    if claims.get("iss") != policy.issuer:
        _refuse("iss is not the issuer that was configured.")
    if not _is_for(policy.audience, claims.get("aud")):
        _refuse("aud is not the audience that was configured.")
    judged = Claims(
        issuer=policy.issuer,
        subject=_read_subject(claims),
        jti=_read_text(claims, "jti"),
        issued_at=_read_integer(claims, "iat"),
        expires_at=_read_integer(claims, "exp"),
        use=use,
        name=_read_name(claims),
        items=_read_items(claims),
    )
    _check_times(judged, policy, now)
    if "nbf" in claims:
        _check_begin(_read_integer(claims, "nbf"), policy, now)
    # RFC 7519, section 4.1.4: not accepted "on or after" that time.
    if now >= judged.expires_at + policy.leeway:
        raise Refusal("auth_expired")
    return judged


def _parse(token: str) -> Unverified:
    if len(token) > MAX_TOKEN_BYTES or not _SEGMENTS.fullmatch(token):
        raise ValueError("not three segments")
    text = token.encode("ascii")
    header, claims, signature = text.split(b".")
    return Unverified(
        signed=text[: -len(signature) - 1],
        signature=_decode(signature),
        header=_read_header(_decode(header)),
        claims=_read_object(_decode(claims)),
    )


def _decode(segment: bytes) -> bytes:
    """Decode base64url, only in its one canonical form (RFC 4648, section 3.5).

    Otherwise the last character's unused bits would make several texts of one token.
    """
    # By binascii: the functions of base64 translate the same alphabet, and cost as much again.
    standard = segment.translate(_STANDARD)
    decoded = binascii.a2b_base64(standard + b"=" * (-len(segment) % 4))
    if binascii.b2a_base64(decoded, newline=False).rstrip(b"=") != standard:
        raise ValueError("not canonical base64url")
    return decoded


def _read_object(text: bytes) -> dict[str, object]:
    value = orjson.loads(text)  # Refuses depth above 1024, NaN and invalid UTF-8 by itself.
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _read_header(text: bytes) -> dict[str, str]:
    """Read a header of texts alone.

    That rids us of `jwk`, `x5c` and a `crit` list, and of whatever else a library might act on.
    """
    header = _read_object(text)
    if not all(isinstance(value, str) for value in header.values()):
        raise TypeError("not a flat header")
    return cast("dict[str, str]", header)


def _refuse(message: str) -> NoReturn:
    # Never with the value itself. Only holders of an authentic token can see these messages, and
    # who connects a product's own tokens to this server needs them.
    raise Refusal("auth_invalid", f"The token is not valid: {message}")


def _is_for(audience: str, claim: object) -> bool:
    return claim == audience or (isinstance(claim, list) and audience in claim)


def _read_integer(claims: dict[str, object], claim: str) -> int:
    value = claims.get(claim)
    if type(value) is not int or abs(value) > MAX_INTEGER:  # A bool is an int to isinstance.
        _refuse(f"{claim} must be an integer.")
    return value


def _read_text(claims: dict[str, object], claim: str) -> str:
    value = claims.get(claim)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT_LENGTH:
        _refuse(f"{claim} must be a text of 1 to {MAX_TEXT_LENGTH} characters.")
    if not value.isprintable():
        _refuse(f"{claim} must be printable.")
    return value


def check_patterns(items: Mapping[str, object]) -> None:
    """Raise Refusal `bad_request` unless these name items, by their ids or beginnings."""
    if not 1 <= len(items) <= MAX_ITEM_PATTERNS:
        raise Refusal("bad_request", f"1 to {MAX_ITEM_PATTERNS} item patterns are needed.")
    if not all(map(_ITEM_PATTERN.fullmatch, items)):
        raise Refusal("bad_request", "A pattern is an item's id, or its beginning and a final *.")


def is_subject(text: str) -> bool:
    """Whether a token could have this subject."""
    return 1 <= len(text) <= MAX_TEXT_LENGTH and text.isprintable() and is_addressable(text)


def _read_subject(claims: dict[str, object]) -> str:
    """The subject: a part of the username, by which calls name a member in their path."""
    subject = _read_text(claims, "sub")
    if not is_addressable(subject):
        _refuse("sub must have no blanks around it, and no . or .. between slashes.")
    return subject


def _read_name(claims: dict[str, object]) -> str | None:
    name = claims.get("name")
    if name is None:
        return None
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_TEXT_LENGTH:
        _refuse(f"name must be a text of 1 to {MAX_TEXT_LENGTH} characters.")
    if any(unicodedata.category(character) in _NAMELESS_CATEGORIES for character in name):
        _refuse("name holds a control character.")
    if not _DIRECTION_CHANGES.isdisjoint(name):
        _refuse("name holds a character that changes the writing direction.")
    if not is_visible(name):
        _refuse("name holds a sign that nobody sees.")
    return name


def _read_items(claims: dict[str, object]) -> Mapping[str, ClaimedRole] | None:
    # A null is refused: whoever meant to limit the token must not get one without a limit.
    if "items" not in claims:
        return None
    items = claims["items"]
    if not isinstance(items, dict) or len(items) > MAX_ITEM_PATTERNS:
        _refuse(f"items must be an object of at most {MAX_ITEM_PATTERNS} members.")
    for pattern, role in items.items():
        if not isinstance(pattern, str) or not _ITEM_PATTERN.fullmatch(pattern):
            _refuse("items must map item ids, or their beginning and a final *.")
        if not isinstance(role, str) or role not in ROLES:
            _refuse("items must map to reader, writer or admin.")
    return MappingProxyType(items)


def _check_begin(not_before: int, policy: Policy, now: float) -> None:
    if policy.max_future is not None and not_before > now + policy.leeway:
        _refuse("nbf is in the future.")


def _check_times(claims: Claims, policy: Policy, now: float) -> None:
    if policy.max_future is not None and claims.issued_at > now + policy.max_future:
        _refuse("iat is in the future.")
    if claims.expires_at <= claims.issued_at:
        _refuse("exp must be later than iat.")
    if claims.expires_at - claims.issued_at > policy.max_ttl[claims.use]:
        _refuse(f"exp may be at most {policy.max_ttl[claims.use]} s later than iat.")
