import time
from functools import partial

import pytest

from api.accounts.login import Proof
from api.accounts.sessions import open_session
from api.accounts.tokens import TokenRequest, issue_access_token, moment_of
from api.accounts.users import (
    Profile,
    create_user,
    disable_user,
    enable_user,
    find_user,
    set_password,
)
from api.errors import Refusal
from api.history.events import CredentialsEnded
from api.history.transaction import Memory, Transaction
from api.operators.service import issue_api_token
from api.rights.access import Credential, CredentialKind, Principal, Role
from api.rights.standing import load_standing
from api.security import Issued, Tokens
from api.store.sqlite.database import open_writing_engine
from tests.stores import Store

pytestmark = pytest.mark.anyio


def ended_kinds(store: Store, *kept: str) -> set[CredentialKind]:
    """The kinds of credentials that the last event ends, but for those with a kept id."""
    event = store.events[-1]
    assert isinstance(event, CredentialsEnded)
    kinds: tuple[CredentialKind, ...] = ("session", "access", "api", "outside")
    assert not any(event.ended(Credential("session", name, 1, None)) for name in kept)
    return {kind for kind in kinds if event.ended(Credential(kind, "any", 1, None))}


async def test_create_user_is_found_by_username(store: Store) -> None:
    """Shown by the username unless a name is given."""
    made = await store.writer.call(partial(create_user, username="ada", password_hash="h"))
    assert made.name == "ada"
    assert await store.readers.read(find_user, "ada") == made
    assert await store.readers.read(find_user, "bob") is None


@pytest.mark.parametrize(
    ("username", "name", "code"),
    [("ada", "Ada", "taken"), ("Bob", None, "bad_request"), ("bob", "\n", "bad_request")],
)
async def test_create_user_refuses_what_cannot_be(
    store: Store, username: str, name: str | None, code: str
) -> None:
    """Also from the command line, where no schema stands before it."""
    await store.writer.call(partial(create_user, username="ada", password_hash="h"))
    with pytest.raises(Refusal, match=code):
        await store.writer.call(
            partial(create_user, username=username, password_hash="h", name=name)
        )


async def test_set_password_ends_sessions_and_access_tokens(store: Store) -> None:
    """All but the session that is kept; tokens that were given away on purpose stay."""
    user = await store.writer.call(partial(create_user, username="ada", password_hash="h"))
    proof = Proof(user.key, "h", None)
    for secret in ("one", "two"):
        await store.writer.call(partial(open_session, proof=proof, secret=secret, user_agent=None))
    rows = await store.rows("SELECT id FROM session")
    kept = rows[0][0]
    await store.writer.call(
        partial(set_password, user_key=user.key, password_hash="new", keep_session=kept)
    )
    assert await store.rows("SELECT id FROM session") == [(kept,)]
    assert ended_kinds(store, kept) == {"session", "access"}


async def test_disable_ends_everything_and_enable_brings_nothing_back(store: Store) -> None:
    """Sessions, access tokens and API tokens; the user may sign in anew afterwards."""
    user = await store.writer.call(partial(create_user, username="ada", password_hash="h"))
    proof = Proof(user.key, "h", None)
    await store.writer.call(partial(open_session, proof=proof, secret="s", user_agent=None))
    await store.rows("SELECT 1")
    await store.writer.call(partial(disable_user, username="ada"))
    assert ended_kinds(store) == {"session", "access", "api", "outside"}
    with pytest.raises(Refusal, match="login_failed"):
        await store.writer.call(partial(open_session, proof=proof, secret="t", user_agent=None))
    await store.writer.call(partial(enable_user, username="ada"))
    assert await store.rows("SELECT 1 FROM session") == []
    await store.writer.call(partial(open_session, proof=proof, secret="t", user_agent=None))


@pytest.mark.parametrize("change", [disable_user, enable_user])
async def test_unknown_user_is_not_found(store: Store, change: object) -> None:
    """The command line says so."""
    assert callable(change)
    with pytest.raises(Refusal, match="not_found"):
        await store.writer.call(partial(change, username="nobody"))


async def counts(store: Store, user: Profile, token: Issued) -> bool:
    """Whether an access token still does."""
    credential = Credential("access", token.claims.jti, moment_of(token.claims.jti), None)
    principal = Principal(user.key, user.id, user.name, credential)
    return not (await store.readers.read(load_standing, principal, "")).credential_ended


@pytest.mark.parametrize("hours", [-30_000, -3, 0, 3])
@pytest.mark.parametrize("end", ["password", "disabling"])
async def test_what_was_issued_before_a_change_ends_whatever_the_clock_does(
    store: Store, monkeypatch: pytest.MonkeyPatch, hours: int, end: str
) -> None:
    """It is set between the token and the change; and what is issued after the change counts."""
    user = await store.writer.call(partial(create_user, username="ada", password_hash="h"))
    tokens = Tokens(b"an own secret of 32 bytes or more", issuer="i", audience="a")
    issue = partial(issue_access_token, tokens=tokens, proof=Proof(user.key, "h"), ttl=60)
    before = await store.writer.call(issue)
    assert await counts(store, user, before)
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + hours * 3_600_000_000_000)
    if end == "password":
        await store.writer.call(partial(set_password, user_key=user.key, password_hash="h"))
    else:
        await store.writer.call(partial(disable_user, username="ada"))
        await store.writer.call(partial(enable_user, username="ada"))
    assert not await counts(store, user, before)
    monkeypatch.setattr(time, "time_ns", lambda: real() - 3_600_000_000_000)
    after = await store.writer.call(issue)
    assert await counts(store, user, after)
    wish = TokenRequest("n", {"*": Role.READER}, 60)
    await store.writer.call(partial(issue_api_token, tokens=tokens, username="ada", wish=wish))
    await store.writer.call(partial(set_password, user_key=user.key, password_hash="h"))
    assert not await counts(store, user, after)


@pytest.mark.sqlite
async def test_restart_with_an_earlier_clock_ends_what_a_session_is_as_old_as(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stored tells how late it has been; the writer's memory is new."""
    user = await store.writer.call(partial(create_user, username="ada", password_hash="h"))
    tokens = Tokens(b"an own secret of 32 bytes or more", issuer="i", audience="a")
    proof = Proof(user.key, "h")
    issue = partial(issue_access_token, tokens=tokens, proof=proof, ttl=60)
    before = await store.writer.call(issue)
    await store.writer.call(partial(open_session, proof=proof, secret="s", user_agent=None))
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 3_600_000_000_000)
    engine = open_writing_engine(store.settings)
    with engine.begin() as connection:
        set_password(Transaction(connection, Memory()), user_key=user.key, password_hash="h")
    engine.dispose()
    assert not await counts(store, user, before)
