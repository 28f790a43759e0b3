import json
from typing import Any

import httpx2
import pytest

from api.settings import Settings
from tests.accounts.visitor import bearer
from tests.cli.commands import Command
from tests.cli.holding import url_of_server
from tests.serving import LiveServer

CREATE = ("key", "create", "shop", "--item", "order-*=admin")


@pytest.fixture(params=["alone", "beside a server"])
def itemroom(request: pytest.FixtureRequest, itemroom: Command, settings: Settings) -> Any:
    """Each test runs with the database free, and with a server that holds it."""
    if request.param == "alone":
        yield itemroom
    else:
        with LiveServer(settings):
            yield itemroom


def me(settings: Settings, key: str) -> tuple[int, Any]:
    """What a server on the database answers a key."""
    url = url_of_server(settings)
    try:
        answer = httpx2.get(f"{url}/auth/me", headers=bearer(key))
    except httpx2.TransportError:  # Nobody holds the database, or no longer.
        with LiveServer(settings) as server:
            answer = httpx2.get(f"{server.url}/auth/me", headers=bearer(key))
    return answer.status_code, answer.json()


def test_key_is_printed_alone_works_and_ends(itemroom: Command, settings: Settings) -> None:
    """Made, rotated, revoked; a script takes the text as it is."""
    first = itemroom.done(*CREATE, "--item", "note=reader", "--expires-in", "90d").strip()
    status, shown = me(settings, first)
    assert (status, shown["username"]) == (200, "key:shop")
    assert shown["credential"]["items"] == {"order-*": "admin", "note": "reader"}
    assert shown["credential"]["expires_at"] is not None
    second = itemroom.done("key", "rotate", "shop").strip()
    assert (me(settings, first)[0], me(settings, second)[0]) == (401, 200)
    assert itemroom.done("key", "revoke", "shop") == "shop is revoked\n"
    assert me(settings, second)[1]["code"] == "auth_revoked"


def test_key_is_rotated_without_a_gap(itemroom: Command, settings: Settings) -> None:
    """Both texts count for the time that was asked for, and are listed; revoked, neither does."""
    first = itemroom.done(*CREATE).strip()
    second = itemroom.done("key", "rotate", "shop", "--grace", "1h").strip()
    assert (me(settings, first)[0], me(settings, second)[0]) == (200, 200)
    listed = [json.loads(line) for line in itemroom.done("key", "list", "--json").splitlines()]
    assert [(one["is_replaced"], one["expires_at"] is None) for one in listed] == [
        (False, True),
        (True, False),
    ]
    assert itemroom.done("key", "list").count("(former)") == 1
    itemroom.done("key", "revoke", "shop")
    assert (me(settings, first)[0], me(settings, second)[0]) == (401, 401)
    for grace in ("31d", "soon"):
        outcome = itemroom("key", "rotate", "shop", "--grace", grace)
        assert (outcome.code, "--grace" in outcome.err) == (2, True)


def test_keys_are_listed_without_their_texts(itemroom: Command) -> None:
    """For people and for programs."""
    key = itemroom.done(*CREATE).strip()
    other = itemroom.done("key", "create", "app", "--item", "*=reader", "--expires-in", "1h")
    lines = itemroom.done("key", "list", "--json").splitlines()
    listed = [json.loads(line) for line in lines]
    assert [(one["name"], one["items"]) for one in listed] == [
        ("app", {"*": "reader"}),
        ("shop", {"order-*": "admin"}),
    ]
    assert [one["expires_at"] is None for one in listed] == [False, True]
    shown = itemroom.done("key", "list")
    assert "order-*=admin" in shown
    assert key not in shown + "".join(lines)
    assert other.strip() not in shown + "".join(lines)


def test_key_that_acts_for_everybody_everywhere_is_warned_of(itemroom: Command) -> None:
    """Beside its text, which a script takes alone."""
    wide = itemroom("key", "create", "wide", "--item", "*=admin", "--as")
    assert (wide.code, wide.out.count("\n")) == (0, 1)
    assert "anything in every item, in anybody's name" in wide.err
    narrow = ("note=admin", "*=writer")
    for number, item in enumerate(narrow):
        assert itemroom("key", "create", f"narrow-{number}", "--item", item, "--as").err == ""
    assert itemroom("key", "create", "itself", "--item", "*=admin").err == ""
    lines = itemroom.done("key", "list", "--json").splitlines()
    acting = [json.loads(line)["acts_for_others"] for line in lines]
    assert acting == [False, True, True, True]
    shown = itemroom.done("key", "list")
    assert shown.count("any user") == 3


def test_key_that_cannot_be_is_refused_with_a_sentence(itemroom: Command) -> None:
    """Whoever does it."""
    create = ("key", "create")
    assert itemroom.failed(*create, "Shop", "--item", "*=admin", code=1).startswith("bad_request")
    assert itemroom.failed(*create, "a", "--item", "a*b=admin", code=1).startswith("bad_request")
    itemroom.done(*CREATE)
    assert itemroom.failed(*CREATE, code=1).startswith("taken")
    for command in ("rotate", "revoke"):
        for name in ("none", "a/b"):
            assert itemroom.failed("key", command, name, code=1).startswith("not_found")
