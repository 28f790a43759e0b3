"""U+0000 in addresses: nothing has it in its name, and PostgreSQL cannot even be asked for it."""

import httpx2
import pytest

from api.state import State
from tests.accounts.keyholding import program
from tests.people import People

pytestmark = pytest.mark.anyio


async def test_id_that_no_database_can_be_asked_for_is_nobody_s(
    state: State, client: httpx2.AsyncClient, people: People
) -> None:
    """Wherever an id of ours is looked for as it came."""
    ada, shop = await people.add("ada"), await program(state, client)
    await ada.do("POST", "/items", json={"id": "doc"})
    for path in ("/tokens/%00", "/auth/sessions/a%00b", "/items/doc/invites/%00"):
        assert await ada.code("DELETE", path) == "not_found"
    for method, path in (("GET", "/webhooks/%00"), ("DELETE", "/webhooks/%00")):
        assert await shop.code(method, path) == "not_found"


async def test_page_that_begins_at_no_name_is_the_first(
    state: State, client: httpx2.AsyncClient, people: People
) -> None:
    """Nothing is called so, and everything comes after it."""
    ada, shop = await people.add("ada"), await program(state, client)
    await ada.do("POST", "/items", json={"id": "doc"})
    page = await ada.do("GET", "/items/doc/members?after=%00")
    assert [member["username"] for member in page["members"]] == ["ada"]
    assert await shop.do("GET", "/rooms?after=%00") == {"rooms": [], "next": None}
