"""Who may do what: `grant`, from every standing and credential; and what the database says."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Refusal
from api.rights.access import (
    Access,
    Credential,
    CredentialKind,
    Principal,
    Role,
    Standing,
    claimed_role,
    grant,
)
from api.rights.standing import load_standing
from api.state import State
from tests.people import People

READER, WRITER, ADMIN = Role


def principal(
    items: dict[str, Role] | None = None,
    kind: CredentialKind = "access",
    expires_at: int | None = None,
) -> Principal:
    return Principal(1, "u", "Ada", Credential(kind, "c", 0, expires_at, items))


def standing(member: Role | None = None, default: Role | None = None) -> Standing:
    return Standing(False, 7, "doc", "T", default_role=default, member_role=member)


def role_of(who: Principal, what: Standing) -> Role | None:
    try:
        return grant(who, what, now_ms=1000).role
    except Refusal as refusal:
        if refusal.code != "item_not_found":
            raise
        return None


@pytest.mark.parametrize(
    ("member", "default", "role"),
    [
        (None, None, None),
        (READER, None, READER),
        (None, WRITER, WRITER),
        (READER, WRITER, WRITER),
        (ADMIN, READER, ADMIN),
    ],
)
def test_role_is_the_higher_of_membership_and_default(
    member: Role | None, default: Role | None, role: Role | None
) -> None:
    """An item that is open to all does not lower its members."""
    assert role_of(principal(), standing(member, default)) == role


@pytest.mark.parametrize(
    ("items", "member", "role"),
    [
        ({"doc": READER}, ADMIN, READER),
        ({"doc": ADMIN}, READER, READER),
        ({"do*": WRITER}, ADMIN, WRITER),
        ({"*": READER, "d*": WRITER, "doc": ADMIN}, ADMIN, ADMIN),
        ({"*": ADMIN, "d*": READER}, ADMIN, READER),
        ({"other": ADMIN}, ADMIN, None),
        ({}, ADMIN, None),
        ({"doc": ADMIN}, None, None),
    ],
)
def test_limited_token_caps_and_never_grants(
    items: dict[str, Role], member: Role | None, role: Role | None
) -> None:
    """The lower of both, by the most exact name; an item that is not named is out of reach."""
    assert role_of(principal(items, "api"), standing(member)) == role


@pytest.mark.parametrize(
    ("items", "member", "role"),
    [
        ({"doc": WRITER}, None, WRITER),
        ({"doc": READER}, ADMIN, READER),
        ({"d*": ADMIN}, None, ADMIN),
        ({"other": ADMIN}, READER, READER),
        ({"other": ADMIN}, None, None),
        (None, READER, READER),
        (None, None, None),
    ],
)
def test_outside_token_grants_what_it_claims(
    items: dict[str, Role] | None, member: Role | None, role: Role | None
) -> None:
    """The host product decides; where it says nothing, our own memberships do."""
    assert role_of(principal(items, "outside"), standing(member)) == role


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (Standing(credential_ended=True), "auth_revoked"),
        (Standing(credential_ended=False), "item_not_found"),
        (
            Standing(False, 7, "doc", item_deleted=True, member_role=ADMIN),
            "item_not_found",
        ),
    ],
    ids=["ended", "absent", "deleted"],
)
def test_standing_without_a_right_refused(found: Standing, code: str) -> None:
    """An ended credential says so; of items nothing is said."""
    with pytest.raises(Refusal) as caught:
        grant(principal(), found)
    assert caught.value.code == code


@pytest.mark.parametrize(("expires_at", "ended"), [(1000, True), (1001, False), (None, False)])
def test_credential_ends_at_its_moment(expires_at: int | None, *, ended: bool) -> None:
    """Not a millisecond after."""
    who = principal(expires_at=expires_at)
    if not ended:
        assert grant(who, standing(READER), now_ms=1000).role is READER
        return
    with pytest.raises(Refusal, match="auth_expired"):
        grant(who, standing(READER), now_ms=1000)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("needed", Role)
def test_role_allows_what_lower_ones_may(role: Role, needed: Role) -> None:
    """Each includes the ones before it."""
    access = Access(principal(), 7, "doc", role, standing())
    if [*Role].index(role) >= [*Role].index(needed):
        access.require(needed)
        return
    with pytest.raises(Refusal, match="forbidden"):
        access.require(needed)


ROLES = st.sampled_from(Role)
PATTERNS = st.dictionaries(st.sampled_from(["doc", "d*", "do*", "*", "x", "x*"]), ROLES)


@given(st.none() | PATTERNS, st.none() | ROLES, st.none() | ROLES)
def test_limited_token_never_does_more_than_its_user(
    items: dict[str, Role] | None, member: Role | None, default: Role | None
) -> None:
    """Whatever it names: a cap only lowers, and is itself an upper bound."""
    own = role_of(principal(), standing(member, default))
    capped = role_of(principal(items, "api"), standing(member, default))
    claimed = claimed_role(items, "doc")
    if capped is not None:
        assert own is not None
        assert own.allows(capped)
        assert items is None or (claimed is not None and claimed.allows(capped))


def test_principal_shows_no_credential() -> None:
    """What others see is id and name."""
    assert principal().public == {"id": "u", "name": "Ada"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "change", "alive"),
    [
        ("access", 'UPDATE "user" SET tokens_from = 5', True),
        ("access", 'UPDATE "user" SET tokens_from = 6', False),
        ("access", 'UPDATE "user" SET disabled = true', False),
        ("outside", 'UPDATE "user" SET tokens_from = 6', True),
        ("outside", 'UPDATE "user" SET disabled = true', False),
        ("session", 'UPDATE "user" SET tokens_from = 6', True),
        ("session", "DELETE FROM session", False),
        ("api", 'UPDATE "user" SET tokens_from = 6', True),
        ("api", "UPDATE api_token SET revoked_at = 1", False),
        ("api", "DELETE FROM api_token", False),
    ],
)
async def test_credential_alive_as_the_database_says(
    people: People, state: State, kind: CredentialKind, change: str, *, alive: bool
) -> None:
    """Each kind ends by what ends it, and by nothing else."""
    await people.add("ada")
    # Not from long ago: housekeeping goes round at the start, and takes what has ended.
    now = int(time.time() * 1000)
    await people.change(f"INSERT INTO session VALUES ('c', 'h', 1, NULL, {now}, {now})")
    token = f"'c', 1, 'n', '{{}}', {now}, {now + 3_600_000}, NULL"
    await people.change(f"INSERT INTO api_token VALUES ({token})")
    await people.change(change)
    who = Principal(1, "u-ada", "Ada", Credential(kind, "c", 5, None))
    found = await state.readers.read(load_standing, who, "nowhere")
    assert found.credential_ended is not alive


@pytest.mark.anyio
async def test_user_who_does_not_exist_has_no_credential(state: State) -> None:
    """A principal of a row that is gone is nobody."""
    who = Principal(99, "u", "Ada", Credential("access", "c", 5, None))
    assert (await state.readers.read(load_standing, who, "doc")).credential_ended
