import random
import string
from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jws, jwt

from api.errors import Refusal
from api.security.claims import MAX_TOKEN_BYTES
from api.security.tokens import Tokens
from tests.security.forge import (
    AUDIENCE,
    ISSUER,
    NOW,
    Clock,
    claims,
    encode,
    forge,
    forge_own,
    header,
    hs256,
    make_tokens,
    own_key,
    refuse,
    without,
)

MUTANTS = 2000
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


# The claims


def test_token_made_by_hand_is_accepted(tokens: Tokens) -> None:
    """The control for every refusal of a forged token: unchanged, it is valid."""
    assert tokens.read(forge_own()).jti == "0199c0de"
    assert tokens.read(forge_own(body=claims(iss=ISSUER, unknown=[{"a": None}]))).use == "access"


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "iat", "exp", "jti", "use"])
@pytest.mark.parametrize("value", [..., None, True, 1.5, "", [], {}, [None], "\x00", -1, 2**53 + 1])
def test_absent_or_mistyped_claim_is_refused(tokens: Tokens, name: str, value: object) -> None:
    """Every claim is required, and has one type."""
    body = without(claims(), name) if value is ... else claims(**{name: value})
    refuse(tokens, forge_own(body=body))


@pytest.mark.parametrize("subject", ["..", "a/../b", "a\\\\.", " a", "a "])
def test_subject_that_no_address_can_hold_is_refused(tokens: Tokens, subject: str) -> None:
    """It is part of a username, by which calls name a member in their path."""
    assert tokens.read(forge_own(body=claims(sub="a/b..c"))).subject == "a/b..c"
    refuse(tokens, forge_own(body=claims(sub=subject)))


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value",
    [
        *("null", '"1800000060"', "[1800000060]", "1800000060.0", "1e400", "true", "NaN", "{}"),
        *("18000000600000000000", "1" + "0" * 19, "-9007199254740993", '"\\ud800"', "9" * 2000),
    ],
)
def test_time_that_is_no_exact_integer_is_refused(tokens: Tokens, name: str, value: str) -> None:
    """Texts, fractions, infinities and integers beyond 2^53 are no times, as jose would think."""
    raw = orjson.dumps(without(claims(), name)).decode()
    refuse(tokens, forge_own(body=f'{raw[:-1]},"{name}":{value}}}'.encode()))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://elsewhere.example"}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another"]}, "aud"),
        ({"aud": AUDIENCE + "x"}, "aud"),
        ({"aud": [AUDIENCE + "x"]}, "aud"),
        ({"sub": "a" * 129}, "sub"),
        ({"sub": "line\nbreak"}, "sub"),
        ({"sub": "right\u202eleft"}, "sub"),
        ({"jti": "j" * 129}, "jti"),
        ({"name": 1}, "name"),
        ({"name": ""}, "name"),
        ({"name": "n" * 129}, "name"),
        ({"name": "line\u2028break"}, "name"),
        ({"name": "tab\t"}, "name"),
        ({"name": "Ada\u200b"}, "name"),
        ({"name": "\u202egnp.exe"}, "name"),
        ({"items": None}, "items"),
        ({"items": ["a"]}, "items"),
        ({"items": {"a": "owner"}}, "items"),
        ({"items": {"a": None}}, "items"),
        ({"items": {"a": ["reader"]}}, "items"),
        ({"items": {f"i{n}": "reader" for n in range(101)}}, "items"),
        ({"exp": NOW}, "exp"),
        ({"exp": NOW - 1}, "exp"),
        ({"exp": NOW + 3601}, "exp"),
        ({"iat": 0}, "exp"),
        ({"iat": -(2**53), "exp": 2**53}, "exp"),
        ({"nbf": "now"}, "nbf"),
    ],
)
def test_claim_that_does_not_fit_is_refused_by_name(
    tokens: Tokens, changes: dict[str, object], reason: str
) -> None:
    """Who holds an authentic token learns which claim to mend."""
    refusal = refuse(tokens, forge_own(body=claims(**changes)))
    assert refusal.message.startswith(f"The token is not valid: {reason} ")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [AUDIENCE, "another"]},
        {"iat": NOW + 7 * 3600, "exp": NOW + 8 * 3600},
        {"nbf": NOW + 7 * 3600},
        {"name": None},
        {"name": "👩\u200d🚀 Ада"},
        {"items": {f"i{n}": "reader" for n in range(100)}},
        {"exp": NOW + 366 * 86400, "use": "api"},
    ],
    ids=str,
)
def test_claim_at_the_bounds_is_accepted(tokens: Tokens, changes: dict[str, object]) -> None:
    """The other side of each bound; that a token of ours is of the future is our clock's fault."""
    assert tokens.read(forge_own(body=claims(**changes))).subject == "ada"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff", b'{"sub":"\xed\xa0\x80"}']
)
def test_claims_that_are_no_object_are_refused(tokens: Tokens, body: bytes) -> None:
    """Also with a good signature."""
    refuse(tokens, forge_own(body=body))


# The text


def twins_of(segment: str) -> list[str]:
    """Other texts that decode to the same bytes: they differ in bits that base64 does not use."""
    unused = {2: 0b1111, 3: 0b11}[len(segment) % 4]
    last = ALPHABET.index(segment[-1])
    assert last & unused == 0
    return [segment[:-1] + ALPHABET[last | bits] for bits in range(1, unused + 1)]


def test_second_text_of_a_token_is_refused(tokens: Tokens) -> None:
    """To jose these are the same token; whoever revoked by text would be fooled."""
    token = forge_own()
    signed, signature = token.rsplit(".", 1)
    twins = [
        *(f"{signed}.{twin}" for twin in twins_of(signature)),
        f"{token}=",
        f"{token}====",
        f"{token[:-2]}!!!!{token[-2:]}",
        f"{token[:-2]}\r\n\r\n{token[-2:]}",
    ]
    for twin in twins:
        assert jws.verify(twin, own_key(), algorithms=["HS256"])
        refuse(tokens, twin)
    for twin in (
        f" {token}",
        f"{token} ",
        f"Bearer {token}",
        f"{token}.",
        f".{token}",
        f"{token}\0",
        f"{token}\n",
    ):
        refuse(tokens, twin)


@pytest.mark.parametrize("part", [0, 1])
def test_second_text_of_a_signed_part_is_refused(tokens: Tokens, part: int) -> None:
    """The signed parts have one spelling as well, even if the signer chose another."""
    parts = [orjson.dumps(header()), orjson.dumps(claims())]
    parts[part] += b" " * ((1 - len(parts[part])) % 3)  # So that base64 leaves four bits unused.
    assert tokens.read(forge(parts[0], parts[1], hs256(own_key()))).subject == "ada"
    segments = [encode(raw) for raw in parts]
    for twin_segment in twins_of(segments[part]):
        segments[part] = twin_segment
        signing_input = ".".join(segments)
        twin = f"{signing_input}.{encode(hs256(own_key())(signing_input.encode()))}"
        assert jws.verify(twin, own_key(), algorithms=["HS256"])
        refuse(tokens, twin)


@pytest.mark.parametrize(
    "token",
    [
        *("", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "a..c", "a.b.c\n", "AAAAA.AAAA.AAAA"),
        *("\0", "null", "\xe9.\xe9.\xe9", "\u0661.\u0661.\u0661", "\ud800.a.b", "🐎.🐎.🐎"),
        *("x" * 9000, "a.b." + "c" * 70_000),
    ],
    ids=lambda token: f"{token[:9]!a}-{len(token)}",
)
def test_text_that_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    """Empty, torn, foreign, and huge texts."""
    refuse(tokens, token)


def test_token_at_the_longest_is_read_and_one_longer_is_not(tokens: Tokens) -> None:
    """The bound is on the text as it came, before any of it is decoded."""
    longest = next(
        token
        for size in range(2500, 3072)
        if len(token := forge_own(body=claims(fill="x" * size))) >= MAX_TOKEN_BYTES
    )
    assert len(longest) == MAX_TOKEN_BYTES
    assert tokens.read(longest).subject == "ada"
    refuse(tokens, forge_own(body=claims(fill="x" * 2900)))


def test_value_that_is_no_text_is_refused(tokens: Tokens) -> None:
    """A token that came through JSON may be of any type."""
    for value in (None, 1, b"a.b.c", ["a.b.c"]):
        with pytest.raises(Refusal, match="auth_invalid"):
            tokens.read(value)  # type: ignore[arg-type]


def mutate(token: str, chance: random.Random) -> str:
    """One to three small changes to a token."""
    text = token
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(text))
        alphabet = string.printable if chance.random() < 0.2 else string.ascii_letters + "-_.0123"
        new = chance.choice(alphabet)
        other = chance.randrange(len(text))
        text = chance.choice(
            [
                text[:at] + new + text[at + 1 :],
                text[:at] + new + text[at:],
                text[:at] + text[at + 1 :],
                text[:at] + text[min(at, other) : other] + text[at:],
                text[:at],
            ]
        )
        text = text or token
    return text


def test_mutated_tokens_are_refused(tokens: Tokens) -> None:
    """No small change of a token makes another valid one, or anything but a refusal."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    token = forge_own(body=claims(name="Ada", items={"order-*": "reader"}))
    assert tokens.read(token).name == "Ada"
    mutants = [mutate(token, chance) for _ in range(MUTANTS)]
    for mutant in mutants:
        if mutant != token:
            refuse(tokens, mutant)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    head=st.fixed_dictionaries({}, optional=dict.fromkeys(header(), JSON)) | JSON,
    body=st.fixed_dictionaries({}, optional=dict.fromkeys([*claims(), "items", "nbf"], JSON)),
)
def test_any_signed_values_are_read_or_refused(head: object, body: dict[str, object]) -> None:
    """With the right key and any JSON, there are two outcomes and no third."""
    tokens = make_tokens(Clock())
    for parts in ((head, claims()), (header(), claims(**body))):
        try:
            token = forge_own(*parts)
        except (TypeError, ValueError):  # What JSON cannot hold, no token can.
            continue
        with suppress(Refusal):
            assert tokens.read(token).issuer == ISSUER


@given(st.text(st.characters(codec=None)) | st.from_regex(r"[\w-]+\.[\w-]+\.[\w-]+"))
def test_any_text_is_refused(text: str) -> None:
    """Nothing that a client can send as a token raises anything else."""
    with pytest.raises(Refusal, match="auth_invalid"):
        make_tokens(Clock()).read(text)


def test_bare_jose_accepts_what_we_refuse() -> None:
    """The control: these forgeries are real, and the wrapper is what stops them."""
    key = own_key()
    for body in (without(claims(), "exp"), without(claims(), "aud"), claims(iat=NOW * 2)):
        assert jwt.decode(forge_own(body=body), key, algorithms=["HS256"], audience=AUDIENCE)
