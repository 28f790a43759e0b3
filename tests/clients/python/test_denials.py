"""Asking by REST why a handshake was denied."""

import pytest

from itemroom.credentials import Shown
from itemroom.denials import ask_for_denial
from itemroom.room import room_url
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


def shown(token: str) -> Shown:
    return Shown({"Authorization": f"Bearer {token}"}, {})


async def test_answer_of_rest_is_the_refusal(server: LiveServer, ada: Person) -> None:
    """With the same credential, for the same item."""
    told = await ask_for_denial(room_url(server.url, "elsewhere"), shown(ada.token))
    assert told is not None
    assert (told.code, told.retry) == ("item_not_found", "never")
    told = await ask_for_denial(room_url(server.url, "order-17"), shown("x"))
    assert told is not None
    assert (told.code, told.retry) == ("auth_invalid", "after_auth")


async def test_nothing_is_explained_by_who_is_let_in_or_not_reached(
    server: LiveServer, ada: Person
) -> None:
    """Nor by a ticket, which says nothing by REST."""
    url = room_url(server.url, "order-17")
    assert await ask_for_denial(url, shown(ada.token)) is None
    assert await ask_for_denial(url, Shown({}, {"ticket": "x"})) is None
    assert await ask_for_denial(room_url("http://127.0.0.1:1", "order-17"), shown("x")) is None
