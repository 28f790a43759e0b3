import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jws

from api.errors import Refusal
from api.security.claims import MAX_TOKEN_BYTES, ClaimedRole, Use
from api.security.tokens import Tokens
from tests.security.forge import (
    AUDIENCE,
    ISSUER,
    NOW,
    SECRET,
    Clock,
    check_refusal,
    claims,
    exhausting_jose,
    forge,
    forge_own,
    header,
    hs256,
    make_tokens,
    own_key,
    own_kid,
    refuse,
    without,
)

OTHER_SECRET = b"o" * 32
EMPTY: list[object] = [None, [], {}]
NESTED = orjson.dumps(header())[:-1] + b',"deep":' + b"[" * 1400 + b"]" * 1400 + b"}"


# Issuing


def test_issued_token_is_read_back(tokens: Tokens) -> None:
    """What was issued is what is read, and the token names its key and its type."""
    items: dict[str, ClaimedRole] = {"order-17": "writer", "order-*": "reader", "*": "admin"}
    issued = tokens.issue("ada", use="api", ttl=86400, name="Ada 🐎 山田\u3000太郎", items=items)
    assert tokens.read(issued.token) == issued.claims
    assert (issued.claims.issuer, issued.claims.subject) == (ISSUER, "ada")
    assert (issued.claims.issued_at, issued.claims.expires_at) == (NOW, NOW + 86400)
    assert issued.claims.use == "api"
    assert issued.claims.items == items
    assert jws.get_unverified_header(issued.token) == header()
    assert issued.token not in repr(issued)


def test_issued_tokens_have_ids_of_their_own(tokens: Tokens) -> None:
    """Each token can be revoked without any other."""
    made = {tokens.issue("ada", use="access", ttl=60).claims.jti for _ in range(100)}
    assert len(made) == 100


def test_token_without_items_has_no_limit_and_with_none_reaches_nothing(tokens: Tokens) -> None:
    """An empty map must not turn into no limit on its way."""
    assert tokens.read(tokens.issue("ada", use="api", ttl=60).token).items is None
    assert tokens.read(tokens.issue("ada", use="api", ttl=60, items={}).token).items == {}


def test_read_items_cannot_be_changed(tokens: Tokens) -> None:
    """Nobody widens a token after it was verified."""
    items = tokens.read(forge_own(body=claims(items={"a": "reader"}))).items
    with pytest.raises(TypeError):
        items["a"] = "admin"  # type: ignore[index]


@pytest.mark.parametrize(
    ("subject", "use", "ttl", "name"),
    [
        ("", "access", 60, None),
        ("a" * 129, "access", 60, None),
        ("a\nb", "access", 60, None),
        ("ada", "access", 0, None),
        ("ada", "access", 3601, None),
        ("ada", "operator", 61, None),
        ("ada", "access", 60, ""),
        ("ada", "access", 60, "Ada\0"),
    ],
)
def test_value_that_no_token_may_have_is_not_issued(
    tokens: Tokens, subject: str, use: Use, ttl: int, name: str | None
) -> None:
    """Issuing refuses what reading would, so nobody gets a token that does not work."""
    with pytest.raises(Refusal, match="bad_request"):
        tokens.issue(subject, use=use, ttl=ttl, name=name)


def test_token_that_would_be_too_long_is_not_issued(tokens: Tokens) -> None:
    """Few items with long ids fill a token before their number does."""
    items: dict[str, ClaimedRole] = {f"{number:0100d}": "reader" for number in range(30)}
    with pytest.raises(Refusal, match="name fewer items"):
        tokens.issue("ada", use="api", ttl=60, items=items)


@pytest.mark.parametrize("pattern", ["", "a*b", "**", "-a", "a b", "ä", "a" * 129, "a\n"])
def test_bad_item_pattern_is_neither_issued_nor_read(tokens: Tokens, pattern: str) -> None:
    """A pattern is an item id, or the beginning of one and a final star."""
    with pytest.raises(Refusal, match="bad_request"):
        tokens.issue("ada", use="api", ttl=60, items={pattern: "reader"})
    refuse(tokens, forge_own(body=claims(items={pattern: "reader"})))


@pytest.mark.parametrize("pattern", ["*", "a", "a*", "A9._:-z*", "a" * 128, "a" * 127 + "*"])
def test_item_pattern_is_issued_and_read(tokens: Tokens, pattern: str) -> None:
    """Every item id, and every beginning of one, can be named."""
    issued = tokens.issue("ada", use="api", ttl=60, items={pattern: "reader"})
    assert tokens.read(issued.token).items == {pattern: "reader"}


# Keys


@pytest.mark.parametrize("secret", [b"", b"a", b"x" * 31])
def test_short_secret_does_not_start(clock: Clock, secret: bytes) -> None:
    """A secret that can be guessed is worse than no server; rotation makes no exception."""
    with pytest.raises(ValueError, match="at least 32 bytes"):
        make_tokens(clock, secret)
    with pytest.raises(ValueError, match="at least 32 bytes"):
        make_tokens(clock, SECRET, previous=(secret,))


def test_key_of_a_secret_never_changes(clock: Clock) -> None:
    """An update of the server must not end the tokens that are out there."""
    assert own_kid() == "9aac2d71"
    assert make_tokens(clock).read(forge_own()).subject == "ada"


def test_rotated_secret_reads_old_tokens_and_signs_new_ones(clock: Clock) -> None:
    """Old tokens count while their secret is listed; the new secret signs; then they end."""
    old = make_tokens(clock, OTHER_SECRET)
    rotated = make_tokens(clock, SECRET, previous=(OTHER_SECRET, SECRET))
    token = old.issue("ada", use="access", ttl=60).token
    assert rotated.read(token).subject == "ada"
    refuse(old, rotated.issue("ada", use="access", ttl=60).token)
    refuse(make_tokens(clock), token)


def test_signature_of_another_secret_is_refused(tokens: Tokens) -> None:
    """A `kid` is a claim like any other: it proves nothing about who signed."""
    for key in (own_key(OTHER_SECRET), SECRET, b"", own_kid().encode()):
        refuse(tokens, forge(header(), claims(), hs256(key)))
    refuse(tokens, forge(header(kid=own_kid(OTHER_SECRET)), claims(), hs256(own_key())))


def test_previous_key_cannot_sign_for_the_current_one(clock: Clock) -> None:
    """Each `kid` stands for one key; no key is tried for another's tokens."""
    rotated = make_tokens(clock, SECRET, previous=(OTHER_SECRET,))
    refuse(rotated, forge(header(), claims(), hs256(own_key(OTHER_SECRET))))


# The header


@pytest.mark.parametrize(
    "head",
    [
        *[header(alg=alg) for alg in ("none", "None", "HS384", "HS", "hs256", "RS256", "dir", "")],
        *[header(alg=alg) for alg in (None, 1, True, ["HS256"], {"alg": "HS256"})],
        *[header(typ=typ) for typ in ("JWT", "at+jwt", "Itemroom+JWT", "", 1)],
        *[header(kid=kid) for kid in ("../../x", "", "0" * 8, "x" * 2000, 1)],
        *[header(**{name: value}) for name in ("typ", "kid") for value in EMPTY],
        *[without(header(), name) for name in ("alg", "typ", "kid")],
        *[header(**{name: "x"}) for name in ("crit", "jku", "x5u", "zip", "cty", "enc")],
        header(crit=["b64"], b64=False),
        header(jwk={"kty": "oct", "k": "c2VjcmV0"}),
        header(x5c=["MIIC"]),
        [header()],
        "HS256",
        1,
        b"",
        b"{",
        b"\xff",
        b"null",
        b"\xef\xbb\xbf" + orjson.dumps(header()),
        orjson.dumps(header()) + b"\0",
        orjson.dumps(header()).decode().encode("utf-16"),
    ],
    ids=str,
)
def test_header_that_is_not_ours_is_refused(tokens: Tokens, head: object) -> None:
    """Signed with the right key, and still refused: our own headers have one form."""
    refuse(tokens, forge_own(head))


def test_token_without_algorithm_and_signature_is_refused(tokens: Tokens) -> None:
    """The oldest forgery, in the spellings that libraries have taken."""
    for alg in ("none", "None", "NONE", ""):
        unsigned = forge(header(alg=alg), claims(), lambda _: b"")
        refuse(tokens, unsigned)
        refuse(tokens, unsigned + "AA")


def test_deep_header_is_refused(tokens: Tokens) -> None:
    """A header that exhausts jose's stack, before it checks the signature, never reaches it."""
    token = forge_own(NESTED)
    assert len(token) <= MAX_TOKEN_BYTES
    with exhausting_jose():
        jws.verify(token, own_key(), algorithms=["HS256"])
    refuse(tokens, token)


@pytest.mark.parametrize("depth", [500, 1400])
def test_deep_claims_are_read_or_refused_but_never_raise(tokens: Tokens, depth: int) -> None:
    """Whoever holds the key may nest what we ignore, up to what the parser takes."""
    deep = orjson.dumps(claims())[:-1] + b',"deep":' + b"[" * depth + b"]" * depth + b"}"
    if depth < 1024:
        assert tokens.read(forge_own(body=deep)).subject == "ada"
    else:
        refuse(tokens, forge_own(body=deep))


# Time and use


def test_expired_token_is_told_so_to_the_second(tokens: Tokens, clock: Clock) -> None:
    """A client can tell "get a new one" from "this will never work"; we give no leeway."""
    token = forge_own()
    clock.now = NOW + 3599.999
    assert tokens.read(token).expires_at == NOW + 3600
    clock.now = NOW + 3600
    refuse(tokens, token, "auth_expired")


@given(back=st.integers(1, 2 * 366 * 86400))
def test_clock_set_back_leaves_our_own_tokens_valid(back: int) -> None:
    """Nothing but us has issued them: it is the clock that was wrong, before or now."""
    clock = Clock()
    tokens = make_tokens(clock)
    issued = tokens.issue("ada", use="access", ttl=3600)
    clock.now -= back
    assert tokens.read(issued.token) == issued.claims


@pytest.mark.parametrize(
    "token",
    [
        forge(header(), claims(), hs256(OTHER_SECRET)),
        forge_own(body=claims(aud="another")),
        forge_own(body=claims(sub="")),
        forge_own(body=claims(use="operator", exp=NOW + 60)),
    ],
    ids=["signature", "audience", "subject", "use"],
)
def test_expired_token_with_another_fault_is_invalid(
    tokens: Tokens, clock: Clock, token: str
) -> None:
    """`auth_expired` says that the token was good once, and so is said of no forgery."""
    clock.now = NOW + 3600
    refuse(tokens, token)


def test_without_a_clock_the_time_is_real() -> None:
    """The default clock is the machine's."""
    tokens = Tokens(SECRET, issuer=ISSUER, audience=AUDIENCE)
    issued = tokens.issue("ada", use="access", ttl=60)
    assert abs(issued.claims.issued_at - time.time()) < 30
    assert tokens.read(issued.token) == issued.claims
    assert tokens.issuer == ISSUER


def test_operator_token_opens_no_room_and_no_user_token_commands(tokens: Tokens) -> None:
    """The two kinds of power never mix, whichever reader an endpoint takes."""
    operator = tokens.issue("operator", use="operator", ttl=60).token
    assert tokens.read_operator(operator).use == "operator"
    refuse(tokens, operator)
    for use in ("access", "api"):
        token = forge_own(body=claims(use=use))
        with pytest.raises(Refusal) as caught:
            tokens.read_operator(token)
        check_refusal(caught, token, "auth_invalid")


def test_use_that_does_not_exist_is_refused(tokens: Tokens) -> None:
    """Also the use that outside tokens are given is none that a token may claim."""
    for use in ("outside", "ACCESS", "accessapi", "refresh"):
        refuse(tokens, forge_own(body=claims(use=use)))


def test_shorter_limits_bound_what_is_read(clock: Clock) -> None:
    """An operator who lowers a limit means the tokens that are out there, too."""
    strict = Tokens(SECRET, issuer=ISSUER, audience=AUDIENCE, max_ttl={"access": 60}, clock=clock)
    assert strict.read(forge_own(body=claims(exp=NOW + 60))).use == "access"
    refuse(strict, forge_own(body=claims(exp=NOW + 61)))
    refuse(strict, forge_own(body=claims(exp=NOW + 60, use="api")))
