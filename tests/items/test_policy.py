"""B2: every operation with every role, generated from one table."""

from typing import Any

import pytest

from api.rights.access import Role
from tests.items.conftest import Cast
from tests.people import People, Person

pytestmark = pytest.mark.anyio

# Operation: its request, and the least role that it needs.
POLICY: dict[str, tuple[str, str, Any, str]] = {
    "show": ("GET", "", None, "reader"),
    "list members": ("GET", "/members", None, "reader"),
    "list messages": ("GET", "/messages", None, "reader"),
    "list log": ("GET", "/log", None, "reader"),
    "presence": ("GET", "/presence", None, "reader"),
    "mark read": ("PUT", "/read", {"seq": 1}, "reader"),
    "leave": ("DELETE", "/members/{own}", None, "reader"),
    "ticket": ("POST", "/tickets", None, "reader"),
    "publish": ("POST", "/messages", {"body": "hi"}, "writer"),
    "react": ("PUT", "/messages/{message}/reactions/x", None, "writer"),
    "edit of others": ("PATCH", "/messages/{message}", {"body": "new"}, "admin"),
    "deletion of others": ("DELETE", "/messages/{message}", None, "admin"),
    "change": ("PATCH", "", {"title": "New"}, "admin"),
    "add member": ("PUT", "/members/mallory", {"role": "reader"}, "admin"),
    "list invites": ("GET", "/invites", None, "admin"),
    "invite": ("POST", "/invites", {"role": "reader"}, "admin"),
    "remove member": ("DELETE", "/members/other", None, "admin"),
    "delete": ("DELETE", "", None, "admin"),
}


async def attempt(person: Person, operation: str) -> str:
    """Try an operation on a fresh item, where `other` has written the first message."""
    item = f"/items/{operation.replace(' ', '-')}"
    method, path, body, _ = POLICY[operation]
    path = path.format(own=person.username, message=4)
    return await person.code(method, item + path, json=body)


@pytest.fixture
async def rooms(people: People, cast: Cast) -> None:
    """An item for each operation, with a member of each role and a second admin, who wrote."""
    other = await people.add("other")
    for operation in POLICY:
        item = f"/items/{operation.replace(' ', '-')}"
        await cast.admin.do("POST", "/items", json={"id": item.removeprefix("/items/")})
        for name, role in (("other", "admin"), ("ada", "writer"), ("eve", "reader")):
            await cast.admin.do("PUT", f"{item}/members/{name}", json={"role": role})
        stored = await other.do("POST", f"{item}/messages", json={"body": "hello"})
        assert stored["seq"] == 4


@pytest.mark.usefixtures("rooms")
@pytest.mark.parametrize("role", [*Role, None], ids=str)
async def test_operations_allowed_from_their_role_on(cast: Cast, role: Role | None) -> None:
    """Whoever may see the item is told `forbidden`; to everybody else it does not exist."""
    people = {"admin": cast.admin, "writer": cast.writer, "reader": cast.reader}
    person = cast.stranger if role is None else people[role]
    for operation, (*_, needed) in POLICY.items():
        expected = "item_not_found"
        if role is not None:
            expected = "ok" if role.allows(Role(needed)) else "forbidden"
        assert (operation, await attempt(person, operation)) == (operation, expected)


@pytest.mark.usefixtures("rooms")
@pytest.mark.parametrize("cap", Role)
async def test_operations_of_an_admin_capped_by_their_token(
    people: People, cast: Cast, cap: Role
) -> None:
    """A limited token never does more than it says; nor does it end what its user is."""
    limited = await people.limited(cast.admin, {"*": cap.value})
    for operation, (*_, role) in POLICY.items():
        needed = Role.ADMIN if operation == "leave" else Role(role)
        expected = "ok" if cap.allows(needed) else "forbidden"
        assert (operation, await attempt(limited, operation)) == (operation, expected)


@pytest.mark.usefixtures("rooms")
async def test_operations_outside_a_tokens_items_find_nothing(people: People, cast: Cast) -> None:
    """A token for other items does not tell whether this one exists."""
    limited = await people.limited(cast.admin, {"other-*": "admin"})
    found = {await attempt(limited, operation) for operation in POLICY}
    assert found == {"item_not_found"}


async def test_own_messages_belong_to_their_writer(cast: Cast) -> None:
    """Editing and deleting needs writer and authorship, or admin."""
    stored = await cast.writer.do("POST", "/items/doc/messages", json={"body": "mine"})
    path = f"/items/doc/messages/{stored['seq']}"
    assert await cast.writer.code("PATCH", path, json={"body": "new"}) == "ok"
    await cast.admin.do("PUT", "/items/doc/members/ada", json={"role": "reader"})
    assert await cast.writer.code("PATCH", path, json={"body": "newer"}) == "forbidden"
    assert await cast.writer.code("DELETE", path) == "forbidden"
