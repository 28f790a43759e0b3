import asyncio
from functools import partial

import pytest
from sqlalchemy import Connection, text

from api.accounts.login import Proof
from api.accounts.sessions import (
    MAX_SESSIONS,
    MAX_USER_AGENT_LENGTH,
    end_session,
    list_sessions,
    open_session,
    touch_sessions,
)
from api.accounts.users import create_user, disable_user, set_password
from api.errors import Refusal
from api.history.events import CredentialsEnded, Event
from api.history.transaction import Transaction
from api.rights.access import Credential, CredentialKind, clock_ms
from api.settings import Settings
from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.visitor import Visitor, bearer, problem_of
from tests.databases import execute
from tests.stores import Store

pytestmark = pytest.mark.anyio

DAY = 86_400_000


def ends(event: Event, kind: CredentialKind, identifier: str) -> bool:
    """Whether an event ends a credential."""
    assert isinstance(event, CredentialsEnded)
    return event.ended(Credential(kind, identifier, 1, None))


async def shift(state: State, column: str, milliseconds: int) -> None:
    """Let all sessions have been made, or used, at another time."""

    def move(tx: Transaction) -> None:
        tx.connection.execute(text(f"UPDATE session SET {column} = {column} + {milliseconds}"))

    await state.writer.call(move)


async def used_at(state: State) -> int:
    """When the only session was used, as far as the database knows."""

    def look(connection: Connection) -> int:
        return int(connection.execute(text("SELECT used_at FROM session")).scalar_one())

    return await state.readers.read(look)


async def test_list_shows_my_sessions_and_which_is_current(visit: Visit, ada: Visitor) -> None:
    """Each browser with what it calls itself."""
    phone, stranger = visit(), visit()
    phone.client.headers["user-agent"] = "Phone \x7f" + "x" * 300
    await phone.login("ada")
    await stranger.register("bob")
    await stranger.login("bob")
    listed = (await ada.client.get("/auth/sessions")).json()["sessions"]
    assert [session["current"] for session in listed] == [False, True]
    assert listed[0]["user_agent"].startswith("Phone ?xxx")
    assert len(listed[0]["user_agent"]) == MAX_USER_AGENT_LENGTH
    assert set(listed[0]) == {"id", "created_at", "used_at", "user_agent", "current"}


async def test_ended_session_is_signed_out(visit: Visit, ada: Visitor) -> None:
    """One of mine, from another of mine."""
    phone = visit()
    await phone.login("ada")
    listed = (await phone.client.get("/auth/sessions")).json()["sessions"]
    current = next(session["id"] for session in listed if session["current"])
    assert (await ada.client.delete(f"/auth/sessions/{current}")).status_code == 204
    assert problem_of(await phone.me()) == (401, "auth_invalid")
    assert (await ada.me()).status_code == 200
    again = await ada.client.delete(f"/auth/sessions/{current}")
    assert problem_of(again) == (404, "not_found")


async def test_all_others_end_together(visit: Visit, ada: Visitor) -> None:
    """The browser that asks goes on; without one, by an access token, all of them end."""
    others, stranger = [visit(), visit()], visit()
    for other in others:
        await other.login("ada")
    await stranger.register("bob")
    await stranger.login("bob")
    assert (await ada.client.delete("/auth/sessions")).status_code == 204
    for other in others:
        assert problem_of(await other.me()) == (401, "auth_invalid")
    assert len((await ada.client.get("/auth/sessions")).json()["sessions"]) == 1
    program = visit()
    token = bearer(await program.token("ada"))
    assert (await program.client.delete("/auth/sessions", headers=token)).status_code == 204
    assert problem_of(await ada.me()) == (401, "auth_invalid")
    assert (await stranger.me()).status_code == 200


async def test_session_of_somebody_else_is_not_found(visit: Visit, ada: Visitor) -> None:
    """And it is not ended."""
    bob = visit()
    await bob.register("bob")
    await bob.login("bob")
    listed = (await bob.client.get("/auth/sessions")).json()["sessions"]
    answer = await ada.client.delete(f"/auth/sessions/{listed[0]['id']}")
    assert problem_of(answer) == (404, "not_found")
    assert (await bob.me()).status_code == 200


@pytest.mark.parametrize(
    ("column", "milliseconds", "status"),
    [
        ("used_at", -7 * DAY + 60_000, 200),
        ("used_at", -7 * DAY, 401),
        ("created_at", -30 * DAY + 60_000, 200),
        ("created_at", -30 * DAY, 401),
    ],
)
async def test_session_ends_when_idle_or_old(
    state: State, ada: Visitor, column: str, milliseconds: int, status: int
) -> None:
    """Seven days without use, or thirty in all."""
    await shift(state, column, milliseconds)
    answer = await ada.me()
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["code"] == "auth_expired"
        assert await state.readers.read(list_sessions, 1, state.settings, clock_ms()) == []


@pytest.mark.parametrize(("age", "is_written"), [(200_000, False), (301_000, True)])
async def test_use_is_written_down_now_and_then(
    state: State, ada: Visitor, age: int, *, is_written: bool
) -> None:
    """Not on each request, which would be a commit for each."""
    await shift(state, "used_at", -age)
    before = await used_at(state)
    assert (await ada.me()).status_code == 200
    await state.writer.call(lambda _: None)  # Behind the write that nobody waits for.
    assert (await used_at(state) > before) is is_written


async def test_request_succeeds_though_its_use_cannot_be_written(
    state: State, ada: Visitor
) -> None:
    """A writer that takes no more stops no reading."""
    await shift(state, "used_at", -DAY)
    await asyncio.to_thread(state.writer.finish)
    assert (await ada.me()).status_code == 200


async def test_disabled_user_is_refused_with_a_session_that_is_left(
    state: State, ada: Visitor
) -> None:
    """Whatever became of the session's row."""

    def disable(tx: Transaction) -> None:
        execute(tx.connection, 'UPDATE "user" SET disabled = ?', True)

    await state.writer.call(disable)
    assert problem_of(await ada.me()) == (401, "auth_revoked")


async def new_user(store: Store) -> Proof:
    user = await store.writer.call(partial(create_user, username="ada", password_hash="h"))
    return Proof(user.key, "h", None)


async def test_one_session_too_many_ends_the_one_used_longest_ago(
    store: Store, settings: Settings
) -> None:
    """A user's sessions are bounded, and the live side hears which one ended."""
    proof = await new_user(store)

    def fill(tx: Transaction) -> None:
        for number in range(MAX_SESSIONS):
            tx.now_ms = clock_ms() - 10_000 + number
            open_session(tx, proof, f"secret-{number}", None)

    await store.writer.call(fill)
    before = await store.readers.read(list_sessions, proof.user_key, settings, clock_ms())
    await store.writer.call(
        partial(open_session, proof=proof, secret="one more", user_agent="last")
    )
    after = await store.readers.read(list_sessions, proof.user_key, settings, clock_ms())
    assert len(before) == len(after) == MAX_SESSIONS
    assert {session.id for session in before} - {session.id for session in after} == {before[-1].id}
    assert [ends(event, "session", before[-1].id) for event in store.events] == [True]


async def test_end_tells_the_live_side_of_exactly_this_session(store: Store) -> None:
    """Not of another one, and of no token that has the same id by accident."""
    proof = await new_user(store)
    await store.writer.call(partial(open_session, proof=proof, secret="s", user_agent=None))
    ((session_id,),) = await store.rows("SELECT id FROM session")
    await store.writer.call(partial(end_session, user_key=proof.user_key, session_id=session_id))
    (event,) = store.events
    assert ends(event, "session", session_id)
    assert not ends(event, "session", "another")
    assert not ends(event, "access", session_id)


@pytest.mark.parametrize("change", ["password", "disabled"])
async def test_session_cannot_begin_with_a_proof_that_was_overtaken(
    store: Store, change: str
) -> None:
    """Between proving the password and signing in, it was changed, or the user disabled."""
    proof = await new_user(store)
    if change == "password":
        await store.writer.call(partial(set_password, user_key=proof.user_key, password_hash="n"))
    else:
        await store.writer.call(partial(disable_user, username="ada"))
    with pytest.raises(Refusal, match="login_failed"):
        await store.writer.call(partial(open_session, proof=proof, secret="s", user_agent=None))
    assert await store.rows("SELECT 1 FROM session") == []


async def test_touch_keeps_sessions_of_open_sockets_in_use(store: Store) -> None:
    """Those that are named, and no others; unknown ones do not matter."""
    proof = await new_user(store)

    def fill(tx: Transaction) -> None:
        tx.now_ms = 1000
        for secret in ("one", "two"):
            open_session(tx, proof, secret, None)

    await store.writer.call(fill)
    rows = await store.rows("SELECT id FROM session ORDER BY id")
    for ids in ([], [rows[0][0], "gone"]):
        await store.writer.call(partial(touch_sessions, ids=ids), light=True)
    used = await store.rows("SELECT used_at > 1000 FROM session ORDER BY id")
    assert used == [(1,), (0,)]
