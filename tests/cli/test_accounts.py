import json
from typing import Any

import httpx2
import pytest

from api.settings import Settings
from tests.cli.commands import Command
from tests.cli.holding import url_of_server
from tests.databases import rows
from tests.serving import PASSWORD, LiveServer

OTHER = "another battery"


@pytest.fixture(params=["alone", "beside a server"])
def itemroom(request: pytest.FixtureRequest, itemroom: Command, settings: Settings) -> Any:
    """Each test runs with the database free, and with a server that holds it."""
    if request.param == "alone":
        yield itemroom
    else:
        with LiveServer(settings):
            yield itemroom


def login(settings: Settings, username: str, password: str) -> int:
    """What a server on the database answers."""
    url = url_of_server(settings)
    credentials = {"username": username, "password": password}
    if url is None:
        with LiveServer(settings) as server:
            return httpx2.post(f"{server.url}/auth/login", json=credentials).status_code
    return httpx2.post(f"{url}/auth/login", json=credentials).status_code


def test_user_is_created_and_can_sign_in(itemroom: Command, settings: Settings) -> None:
    """With the first line of stdin, and nothing else, as the password."""
    itemroom.done("user", "create", "ada", "--password-stdin", stdin=f"{PASSWORD}\nmore\n")
    assert login(settings, "ada", PASSWORD) == 200


@pytest.mark.parametrize(
    "stdin",
    [
        f"{PASSWORD}\r\nmore".encode(),
        f"\ufeff{PASSWORD}\n".encode(),
        f"{PASSWORD}\r\nmore".encode("utf-16"),
        b"\xfe\xff" + f"{PASSWORD}\n".encode("utf-16-be"),
    ],
    ids=["crlf", "utf-8 mark", "utf-16", "utf-16 big-endian"],
)
def test_password_of_a_pipe_is_what_was_written(
    itemroom: Command, settings: Settings, stdin: bytes
) -> None:
    """Whatever the program before it adds."""
    itemroom.done("user", "create", "ada", "--password-stdin", stdin=stdin)
    assert login(settings, "ada", PASSWORD) == 200


def test_password_that_is_no_text_is_refused(itemroom: Command) -> None:
    """With a sentence, in which the bytes are not."""
    said = itemroom.failed("user", "create", "ada", "--password-stdin", stdin=b"caf\xe9 noir 17")
    assert said == "stdin holds no UTF-8 text."


def test_user_is_found_as_they_are_meant(itemroom: Command) -> None:
    """A new name is said exactly; half a character is nobody's."""
    itemroom.done("user", "create", "ada", "--no-password")
    itemroom.done("user", "disable", " Ada")
    assert itemroom.failed("user", "create", "Bob", "--no-password", code=1).startswith(
        "bad_request: A username has"
    )
    assert itemroom.failed("user", "disable", "\udcff") == "An argument is no UTF-8 text."


def test_user_without_password_signs_in_when_one_is_set(
    itemroom: Command, settings: Settings
) -> None:
    """Nobody can guess what stands for it until then."""
    itemroom.done("user", "create", "ada", "--no-password", "--display-name", "Ada L.")
    assert rows(settings, 'SELECT username, name FROM "user"') == [("ada", "Ada L.")]
    assert login(settings, "ada", "") == 401
    itemroom.done("user", "password", "ada", "--password-stdin", stdin=PASSWORD)
    assert login(settings, "ada", PASSWORD) == 200


def test_disabled_user_signs_in_only_when_enabled(itemroom: Command, settings: Settings) -> None:
    """Disabling takes nothing away but the access."""
    itemroom.done("user", "create", "ada", "--password-stdin", stdin=PASSWORD)
    itemroom.done("user", "disable", "ada")
    assert login(settings, "ada", PASSWORD) == 401
    itemroom.done("user", "enable", "ada")
    assert login(settings, "ada", PASSWORD) == 200


def test_admin_flag_is_given_and_taken_back(itemroom: Command, settings: Settings) -> None:
    """With the user or later; who has it says the database, and no item."""
    itemroom.done("user", "create", "ada", "--no-password", "--admin")
    itemroom.done("user", "create", "ben", "--no-password")
    admins = 'SELECT username FROM "user" WHERE admin ORDER BY username'
    assert rows(settings, admins) == [("ada",)]
    assert itemroom.done("user", "admin", "ben") == "ben is an admin\n"
    assert rows(settings, admins) == [("ada",), ("ben",)]
    assert itemroom.done("user", "admin", "ada", "--revoke") == "ada is no admin\n"
    assert rows(settings, admins) == [("ben",)]


def test_token_is_printed_alone_and_works(itemroom: Command, settings: Settings) -> None:
    """So that a script can take it as it is."""
    itemroom.done("user", "create", "ada", "--no-password")
    printed = itemroom.done(
        "token",
        "create",
        "--user",
        "ada",
        "--item",
        "order-*=reader",
        "--item",
        "log=writer",
        "--name",
        "nightly",
        "--expires-in",
        "2h",
    )
    assert printed.count("\n") == 1
    [(name, items, lifetime)] = rows(
        settings, "SELECT name, items, (expires_at - created_at) / 1000 FROM api_token"
    )
    assert (name, json.loads(items)) == ("nightly", {"order-*": "reader", "log": "writer"})
    assert abs(lifetime - 7200) <= 1
    me = ask(settings, printed.strip())
    assert me.json()["username"] == "ada"
    assert me.json()["credential"]["kind"] == "api"


def ask(settings: Settings, token: str) -> httpx2.Response:
    url = url_of_server(settings)
    headers = {"Authorization": f"Bearer {token}"}
    if url is None:
        with LiveServer(settings) as server:
            return httpx2.get(f"{server.url}/auth/me", headers=headers)
    return httpx2.get(f"{url}/auth/me", headers=headers)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("user", "create", "ada", "--no-password"), "taken: "),
        (("user", "create", "No Name", "--no-password"), "bad_request: "),
        (("user", "create", "x", "--password-stdin"), "bad_request: A password has 8 to 256"),
        (("user", "disable", "nobody"), "not_found: "),
        (("user", "enable", "nobody"), "not_found: "),
        (("user", "admin", "nobody"), "not_found: "),
        (("user", "password", "nobody", "--password-stdin"), "bad_request: "),
        (("token", "create", "--user", "nobody", "--item", "x=reader"), "not_found: "),
        (("token", "create", "--user", "off", "--item", "x=reader"), "forbidden: The user is dis"),
        (("token", "create", "--user", "ada", "--item", "*x=reader"), "bad_request: "),
        (
            ("token", "create", "--user", "ada", "--item", "x=reader", "--expires-in", "999d"),
            "bad_request: ",
        ),
    ],
)
def test_refused_command_says_why_in_one_sentence(
    itemroom: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    """The same with and without a server, and with exit code 1."""
    itemroom.done("user", "create", "ada", "--no-password")
    itemroom.done("user", "create", "off", "--no-password")
    itemroom.done("user", "disable", "off")
    assert itemroom.failed(*arguments, code=1, stdin="short\n").startswith(sentence)
