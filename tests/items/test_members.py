"""Members: set, listed, removed, and the last admin."""

import asyncio

import pytest

from api.history.events import EntryStored, Event, MemberChanged
from api.rights.access import Role
from tests.items.conftest import Cast
from tests.people import People

pytestmark = pytest.mark.anyio

MEMBERS = "/items/doc/members"


async def test_members_listed_by_username_in_pages(people: People, cast: Cast) -> None:
    """Keyset pages: the next one begins after the last name."""
    first = await cast.reader.do("GET", MEMBERS, params={"limit": 2})
    assert [(one["username"], one["role"]) for one in first["members"]] == [
        ("ada", "writer"),
        ("eve", "reader"),
    ]
    assert first["members"][0]["user"] == {"id": "u-ada", "name": "Ada"}
    assert first["next"] == "eve"
    rest = await cast.reader.do("GET", MEMBERS, params={"limit": 2, "after": first["next"]})
    assert [one["username"] for one in rest["members"]] == ["root"]
    assert rest["next"] is None


async def test_new_member_created_and_told(cast: Cast, events: list[Event]) -> None:
    """201, an entry for the log, and the change of rights for the live side, in this order."""
    answer = await cast.admin.call("PUT", f"{MEMBERS}/mallory", json={"role": "writer"})
    assert answer.status_code == 201
    user = {"id": "u-mallory", "name": "Mallory"}
    assert answer.json() == {"user": user, "username": "mallory", "role": "writer"}
    stored, changed = events
    assert isinstance(stored, EntryStored)
    shown = stored.entry.fields()
    assert (shown["type"], shown["user"], shown["role"]) == ("member", user, "writer")
    assert shown["by"]["id"] == "u-root"
    assert isinstance(changed, MemberChanged)
    assert changed.role is Role.WRITER
    assert await cast.stranger.code("GET", "/items/doc") == "ok"


async def test_role_changed_answers_200(cast: Cast, events: list[Event]) -> None:
    """A known member keeps their read marker and gets another role."""
    await cast.writer.do("PUT", "/items/doc/read", json={"seq": 1})
    answer = await cast.admin.call("PUT", f"{MEMBERS}/ada", json={"role": "admin"})
    assert answer.status_code == 200
    shown = await cast.writer.do("GET", "/items/doc")
    assert (shown["role"], shown["read_seq"]) == ("admin", 1)


async def test_role_unchanged_is_no_entry(cast: Cast, events: list[Event]) -> None:
    """Setting what is set already tells nobody anything."""
    answer = await cast.admin.call("PUT", f"{MEMBERS}/ada", json={"role": "writer"})
    assert answer.status_code == 200
    assert events == []


async def test_reader_by_marker_alone_is_a_new_member(people: People, cast: Cast) -> None:
    """Who was let in by the default role and has a marker is not among the members yet."""
    await cast.admin.do("PATCH", "/items/doc", json={"default_role": "reader"})
    await cast.stranger.do("PUT", "/items/doc/read", json={"seq": 2})
    names = [one["username"] for one in (await cast.admin.do("GET", MEMBERS))["members"]]
    assert "mallory" not in names
    assert await cast.admin.code("DELETE", f"{MEMBERS}/mallory") == "not_found"
    answer = await cast.admin.call("PUT", f"{MEMBERS}/mallory", json={"role": "writer"})
    assert answer.status_code == 201
    assert (await cast.stranger.do("GET", "/items/doc"))["read_seq"] == 2


async def test_member_removed_finds_nothing_any_more(cast: Cast, events: list[Event]) -> None:
    """B5: to who was a member the item is as absent as to everybody else."""
    await cast.admin.do("DELETE", f"{MEMBERS}/ada")
    for path in ("", "/messages", "/log?after=1"):
        assert await cast.writer.code("GET", f"/items/doc{path}") == "item_not_found"
    stored, changed = events
    assert isinstance(stored, EntryStored)
    assert stored.entry.fields()["role"] is None
    assert isinstance(changed, MemberChanged)
    assert changed.role is None


async def test_member_leaves_by_themselves(cast: Cast) -> None:
    """Leaving needs no more than being there."""
    await cast.reader.do("DELETE", f"{MEMBERS}/eve")
    assert await cast.reader.code("GET", "/items/doc") == "item_not_found"


NOBODY = ["nobody", "R00T", "a b", "\N{SNOWMAN}", "ext:a/b", "x" * 500, "%00", "..%2F"]


async def test_username_of_nobody_not_found(cast: Cast) -> None:
    """What cannot be a username is refused like one that nobody has."""
    for path in (f"{MEMBERS}/{username}" for username in NOBODY):
        assert await cast.admin.code("PUT", path, json={"role": "reader"}) == "not_found"
        assert await cast.admin.code("DELETE", path) == "not_found"
        assert await cast.reader.code("DELETE", path) == "forbidden"


async def test_username_is_found_as_it_is_meant(people: People, cast: Cast) -> None:
    """However it was typed, the answer has the one spelling."""
    await people.add("zoe")
    put = await cast.admin.do("PUT", f"{MEMBERS}/%20Zoe%20", json={"role": "reader"})
    assert put["username"] == "zoe"
    assert await cast.admin.code("DELETE", f"{MEMBERS}/ZOE") == "ok"


async def test_outside_user_with_a_slash_in_the_name_reached(people: People, cast: Cast) -> None:
    """A subject of the host product may hold one."""
    await people.add("ext:team/ada")
    await cast.admin.do("PUT", f"{MEMBERS}/ext:team/ada", json={"role": "reader"})
    assert await cast.admin.code("DELETE", f"{MEMBERS}/ext:team%2Fada") == "ok"


async def test_role_that_does_not_exist_refused(cast: Cast) -> None:
    """Three roles there are."""
    for body in ({}, {"role": "owner"}, {"role": None}, {"role": "admin", "x": 1}):
        assert await cast.admin.code("PUT", f"{MEMBERS}/ada", json=body) == "bad_request"


async def test_last_admin_cannot_leave_or_be_demoted(cast: Cast) -> None:
    """Somebody must be able to administer the item; setting admin again is no demotion."""
    assert await cast.admin.code("DELETE", f"{MEMBERS}/root") == "last_admin"
    assert await cast.admin.code("PUT", f"{MEMBERS}/root", json={"role": "writer"}) == "last_admin"
    assert await cast.admin.code("PUT", f"{MEMBERS}/root", json={"role": "admin"}) == "ok"


async def test_admin_who_is_disabled_counts_for_nothing(people: People, cast: Cast) -> None:
    """An admin who cannot sign in cannot be the last one."""
    await cast.admin.do("PUT", f"{MEMBERS}/ada", json={"role": "admin"})
    await people.change('UPDATE "user" SET disabled = ? WHERE username = ?', True, "ada")
    assert await cast.admin.code("DELETE", f"{MEMBERS}/root") == "last_admin"
    assert await cast.admin.code("PUT", f"{MEMBERS}/ada", json={"role": "reader"}) == "ok"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_admins_who_demote_each_other_at_once_leave_one(cast: Cast, method: str) -> None:
    """B9: whoever comes first wins; the other has lost the right, or would be the last."""
    await cast.admin.do("PUT", f"{MEMBERS}/ada", json={"role": "admin"})
    body = {"role": "reader"} if method == "PUT" else None
    codes = await asyncio.gather(
        cast.admin.code(method, f"{MEMBERS}/ada", json=body),
        cast.writer.code(method, f"{MEMBERS}/root", json=body),
    )
    assert sorted(codes)[-1] == "ok"
    assert codes.count("ok") == 1
    people = [
        person
        for person, code in zip((cast.admin, cast.writer), codes, strict=True)
        if code == "ok"
    ]
    roles = {
        one["username"]: one["role"] for one in (await people[0].do("GET", MEMBERS))["members"]
    }
    assert list(roles.values()).count("admin") == 1
