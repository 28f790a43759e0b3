"""The types that the package offers: a checker believes them, and so does the server."""

import re
import shutil
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from mypy import api as mypy

from api.app import create_app
from api.items.batch_schemas import batch_definitions
from api.pages.asyncapi import describe_socket
from api.settings import Settings
from itemroom import answers, batches
from itemroom.core import entries, frames
from tests.docs.reading import ROOT

USAGE = Path(__file__).parent / "usage.py"


def test_a_checker_narrows_what_is_right_and_refuses_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly the lines that say so are errors, each of its kind."""
    shutil.copy(USAGE, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYPYPATH", str(ROOT / "clients" / "python"))
    (tmp_path / "mypy.ini").write_text("[mypy]\n")  # Not the house's own settings.
    strict = ["--strict", "--hide-error-context", "--cache-dir", str(tmp_path / "cache")]
    said, errors, _ = mypy.run([*strict, USAGE.name])
    assert errors == ""
    found = re.findall(rf"^{USAGE.name}:(\d+): error: .*\[([\w-]+)\]$", said, re.MULTILINE)
    lines = enumerate(USAGE.read_text().splitlines(), 1)
    wanted = [(number, re.search(r"# error: ([\w-]+)$", line)) for number, line in lines]
    assert found == [(str(number), match[1]) for number, match in wanted if match], said


@pytest.mark.parametrize(
    ("answer", "schema"),
    [
        (answers.Me, "Me"),
        (answers.Credential, "CredentialView"),
        (answers.Item, "ItemView"),
        (answers.Member, "MemberView"),
        (answers.Invite, "InviteView"),
        (answers.NewInvite, "InviteMade"),
        (answers.InvitedItem, "InboxItem"),
        (answers.InviteLook, "InviteLook"),
        (answers.InviteAccepted, "InviteAccepted"),
        (answers.MessageNow, "MessageView"),
        (answers.MessagePage, "MessagePage"),
        (answers.Stored, "StoredView"),
        (answers.Token, "TokenView"),
        (answers.NewToken, "TokenMade"),
        (answers.PresenceSummary, "PresenceView"),
        (answers.Account, "AccountView"),
        (answers.LiveRoom, "RoomView"),
        (batches.BatchAnswer, "BatchAnswer"),
    ],
)
def test_an_answer_has_the_fields_of_the_openapi_document(
    settings: Settings, answer: type, schema: str
) -> None:
    """And those may be missing that may be missing there."""
    described = create_app(settings).openapi()["components"]["schemas"][schema]
    required = set(described["required"]) | ({"type"} if schema == "MessageView" else set())
    _holds(answer, described["properties"], required)


@pytest.mark.parametrize("command", get_args(batches.BatchCommand))
def test_a_command_of_a_batch_has_the_fields_of_the_openapi_document(command: type) -> None:
    """All that the server takes, and what it cannot be without."""
    described = batch_definitions()[command.__name__]
    _holds(command, described["properties"], set(described["required"]))


@pytest.mark.parametrize("name", ["Welcome", "Live", "Signal", "Read", "Expiring", "RoleChanged"])
def test_a_frame_has_the_fields_of_the_asyncapi_document(name: str) -> None:
    """The client's own types are written by hand."""
    described = _schemas()[f"server-{name}"]
    frame = getattr(frames, {"RoleChanged": "RoleChange"}.get(name, name))
    _holds(frame, described["properties"], set(described["required"]))


@pytest.mark.parametrize("kind", get_args(entries.Entry))
def test_an_entry_has_the_fields_of_the_asyncapi_document(kind: type) -> None:
    """A class for each type, and what each of them always has is not None."""
    (type_,) = get_args(get_type_hints(kind)["type"])
    described = _schemas()[f"server-{type_.title()}"]
    known = get_type_hints(kind)
    assert described["properties"].keys() <= known.keys()
    for name in set(described["required"]) - {"role"}:  # Null is a role that is none.
        assert type(None) not in get_args(known[name]), name


def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = describe_socket(server_url="http://h")["components"]["schemas"]
    return schemas


def _holds(shape: Any, properties: dict[str, Any], required: set[str]) -> None:
    assert shape.__required_keys__ == required
    assert shape.__required_keys__ | shape.__optional_keys__ == properties.keys()
