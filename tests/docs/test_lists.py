"""What the documents list is held against the code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from api.app import create_app
from api.cli.commands import app as command_line
from api.errors import CODES
from api.live.client_frames import AnyClientFrame, parse
from api.live.codecs import CODECS
from api.pages.asyncapi import describe_socket
from api.settings import Settings
from tests.described import DESCRIBED, check_frame
from tests.docs.frame_tables import with_tables
from tests.docs.reading import DOCUMENTS, OPERATIONS, PROTOCOL, README, ROOT, blocks, names, rows

SETTINGS = Settings.model_fields


def test_all_examples_are_json() -> None:
    """One value a line."""
    for block in re.findall(r"^```json \w+\n(.*?)^```$", PROTOCOL, re.MULTILINE | re.DOTALL):
        assert all(json.loads(line) for line in block.splitlines())


def test_examples_of_client_frames_are_all_understood() -> None:
    """Each kind of frame has one that the server would take."""
    (block,) = blocks(PROTOCOL, "json", "client")
    shown = {type(parse(json.loads(line))) for line in block.splitlines()}
    assert shown == set(get_args(AnyClientFrame))


def test_examples_of_server_frames_are_as_described() -> None:
    """Each kind of frame has one, with no field that the description does not know."""
    shown = set()
    for line in "".join(blocks(PROTOCOL, "json", "server")).splitlines():
        frame = json.loads(line)
        check_frame(frame)
        shown.add(frame["type"])
    assert shown == DESCRIBED.keys()


def test_all_fields_of_all_frames_are_listed_as_asyncapi_has_them() -> None:
    """The tables are what `python -m tests.docs.frame_tables` writes into the page."""
    assert with_tables(PROTOCOL) == PROTOCOL


def test_every_code_is_listed_with_its_status() -> None:
    """Clients branch on codes: none is unknown, and none is invented."""
    listed = {
        names(cells[0])[0]: int(cells[1])
        for cells in rows(PROTOCOL, "Refusals")
        if len(cells) == 3 and cells[1].isdigit() and not cells[0].isdigit()
    }
    assert listed == {code: verdict.status for code, verdict in CODES.items()}


def test_close_codes_and_verdicts_are_the_codes_own() -> None:
    """What the table tells clients to do is what `closing` tells them."""
    closes = [cells for cells in rows(PROTOCOL, "Refusals") if len(cells) == 4]
    judged = [
        (int(close), names(retry)[0], reason)
        for close, reasons, retry, _ in closes[1:]
        if close.isdigit()
        for reason in names(reasons)
    ]
    assert len(judged) > 15
    for close, retry, reason in judged:
        assert (CODES[reason].close_code, CODES[reason].retry) == (close, retry), reason


def test_every_call_is_listed_and_no_other(settings: Settings) -> None:
    """The map of the REST API is complete."""
    calls = {
        f"{method.upper()} {path}"
        for path, methods in create_app(settings).openapi()["paths"].items()
        for method in methods
    }
    assert {call for cells in rows(PROTOCOL, "REST") for call in names(cells[0])} == calls


def test_query_and_subprotocols_of_the_socket_are_listed() -> None:
    """Nothing that the AsyncAPI document has is missing in the prose."""
    socket = describe_socket(server_url="http://127.0.0.1:8000")["channels"]["room"]
    listed = {name for cells in rows(PROTOCOL, "The socket") for name in names(cells[0])}
    assert listed == {*socket["bindings"]["ws"]["query"]["properties"], *CODECS}


def test_every_command_is_listed_and_no_other() -> None:
    """The command line is documented as it is."""
    listed = {
        re.sub(r"^itemroom |(?: [^a-z]| -).*", "", command)
        for cells in rows(OPERATIONS, "The command line")
        for command in names(cells[0])
    }
    assert listed == set(_commands(typer.main.get_command(command_line)))


def _commands(group: Any, prefix: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} ")
        else:
            yield prefix + name


@pytest.mark.parametrize(
    ("text", "complete"), [(README, False), (OPERATIONS, True)], ids=["readme", "operations"]
)
def test_settings_are_listed_with_their_defaults(text: str, *, complete: bool) -> None:
    """A default that changes changes in the documents."""
    listed = {
        names(name)[0].removeprefix("ITEMROOM_").lower(): "".join(names(default))
        for name, default, _ in rows(text, "Settings")[1:]
    }
    assert listed == {name: _shown(SETTINGS[name].default) for name in listed}
    assert not complete or listed.keys() == SETTINGS.keys()


def _shown(default: Any) -> str:
    if default in (None, ()):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    """Between documents, to headings, and to files of the tree."""
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        linked = document.parent / path if path else document
        assert linked.exists(), target
        assert not anchor or anchor in _anchors(linked), target
    for path in re.findall(r"`((?:api|tests|docs|migrations)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_protocol_links_only_within_itself() -> None:
    """It is a page of the server too, where no other document is."""
    assert all(target.startswith("#") for target in re.findall(r"\]\(([^)]+)\)", PROTOCOL))
