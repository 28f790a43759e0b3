import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from api.errors import Refusal
from api.history.transaction import Transaction
from api.items.tickets import redeem_ticket
from api.rights.access import Principal, Role
from api.state import State
from tests.accounts.conftest import Visit
from tests.accounts.visitor import Visitor, bearer, problem_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def owner(ada: Visitor) -> Visitor:
    """Ada, with an item of hers."""
    answer = await ada.client.post("/items", json={"id": "order-17"})
    assert answer.status_code == 201, answer.text
    answer = await ada.client.post("/items", json={"id": "order-18"})
    assert answer.status_code == 201, answer.text
    return ada


async def ticket_for(visitor: Visitor, **request: Any) -> str:
    answer = await visitor.client.post("/items/order-17/tickets", **request)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in"] == 30
    return str(answer.json()["ticket"])


async def test_ticket_stands_for_the_credential_that_asked(state: State, owner: Visitor) -> None:
    """So that what ends the session ends the socket, too."""
    principal = await redeem_ticket(state, await ticket_for(owner), "order-17")
    sessions = (await owner.client.get("/auth/sessions")).json()["sessions"]
    assert (principal.name, principal.credential.kind) == ("ada", "session")
    assert principal.credential.id == sessions[0]["id"]
    assert principal.credential.items is None
    me = (await owner.me()).json()
    assert principal.id == me["id"]
    assert principal.credential.expires_at is not None


async def test_ticket_for_a_socket_that_would_be_denied_is_denied(owner: Visitor) -> None:
    """A browser that lets its own page in may show the handshake another origin."""
    headers = {"origin": "https://evil.example", "sec-fetch-site": "same-origin"}
    answer = await owner.client.post("/items/order-17/tickets", headers=headers)
    assert problem_of(answer) == (403, "origin_denied")


async def test_ticket_is_taken_once_by_fifty_at_once(state: State, owner: Visitor) -> None:
    """Whoever comes first; the others are told that it was used."""
    ticket = await ticket_for(owner)
    outcomes = await asyncio.gather(
        *(redeem_ticket(state, ticket, "order-17") for _ in range(50)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Principal) for outcome in outcomes) == 1
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, Refusal)]
    assert codes == ["ticket_used"] * 49


@pytest.mark.parametrize("item_id", ["order-18", "order-99", "", "ORDER-17"])
async def test_ticket_for_another_item_is_refused(
    state: State, owner: Visitor, item_id: str
) -> None:
    """It is bound to one room."""
    with pytest.raises(Refusal, match="ticket_used"):
        await redeem_ticket(state, await ticket_for(owner), item_id)


@pytest.mark.parametrize("ticket", ["", "x", "x" * 5000, "\udcff"])
async def test_unknown_ticket_is_refused(state: State, ticket: str) -> None:
    """Whatever it is."""
    with pytest.raises(Refusal, match="ticket_used"):
        await redeem_ticket(state, ticket, "order-17")


async def test_old_ticket_is_refused(state: State, owner: Visitor) -> None:
    """After 30 seconds."""
    ticket = await ticket_for(owner)

    def age(tx: Transaction) -> None:
        tx.connection.execute(text("UPDATE ticket SET expires_at = expires_at - 30000"))

    await state.writer.call(age)
    with pytest.raises(Refusal, match="ticket_used"):
        await redeem_ticket(state, ticket, "order-17")


@pytest.mark.parametrize("end", ["logout", "password", "revoked"])
async def test_ticket_ends_with_its_credential(
    state: State, visit: Visit, owner: Visitor, end: str
) -> None:
    """What was signed out cannot come in by a ticket from before."""
    if end == "logout":
        ticket = await ticket_for(owner)
        await owner.client.post("/auth/logout")
    elif end == "password":
        token = await owner.token("ada")
        ticket = await ticket_for(visit(), headers=bearer(token))
        change = {"current_password": "correct horse battery", "new_password": "another one"}
        assert (await owner.client.post("/auth/password", json=change)).status_code == 204
    else:
        made = await owner.api_token()
        ticket = await ticket_for(visit(), headers=bearer(made["token"]))
        await owner.client.delete(f"/tokens/{made['id']}")
    with pytest.raises(Refusal, match="auth_revoked"):
        await redeem_ticket(state, ticket, "order-17")


async def test_ticket_of_a_limited_token_is_limited_alike(
    state: State, visit: Visit, owner: Visitor
) -> None:
    """To the role that the token has in this item."""
    made = await owner.api_token(items={"order-*": "reader"})
    ticket = await ticket_for(visit(), headers=bearer(made["token"]))
    principal = await redeem_ticket(state, ticket, "order-17")
    assert principal.credential.kind == "api"
    assert principal.credential.items == {"order-17": Role.READER}


async def test_ticket_for_an_item_of_somebody_else_is_refused(visit: Visit, owner: Visitor) -> None:
    """As for one that does not exist."""
    bob = visit()
    await bob.register("bob")
    await bob.login("bob")
    for item_id in ("order-17", "order-99"):
        answer = await bob.client.post(f"/items/{item_id}/tickets")
        assert problem_of(answer) == (404, "item_not_found")


async def test_ticket_is_stored_only_as_a_fingerprint(state: State, owner: Visitor) -> None:
    """Who reads the database cannot use it."""
    ticket = await ticket_for(owner)
    rows = await state.readers.read(
        lambda connection: connection.exec_driver_sql("SELECT * FROM ticket").all()
    )
    assert len(rows) == 1
    assert ticket not in str(rows)
