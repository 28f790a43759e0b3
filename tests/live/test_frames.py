"""What the server says is made in one place, as it is described."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import orjson
import pytest

import api
from api.errors import CODES, Refusal
from api.history.drafts import MAIN, Draft, Grown
from api.history.entries import Kind, rfc3339
from api.history.events import TextAdded
from api.history.extent import Extent
from api.live import frames, shared_frames
from api.live.entry_frames import EntryFrame
from api.live.frames import ServerFrame, User
from api.live.opening import Opening, shared_limits_of, welcome
from api.live.shared_frames import AnyServerFrame, SharedFrame
from api.rights.access import Access, Credential, Principal, Role, Standing
from api.settings import Settings
from tests.described import DESCRIBED, check_frame, check_shared_frame, type_of
from tests.live.fakes import ADA, WRITER, entry

API = Path(api.__file__).parent
SOMEBODY: User = {"id": "u-ada", "name": "Ada"}
PRINCIPAL = Principal(1, "u-ada", "Ada", Credential("access", "jti", 1, 1_700_000_000_123))
ACCESS = Access(PRINCIPAL, 1, "doc", Role.WRITER, WRITER)
# Problem+json and ASGI's messages have a `type` of their own.
OTHERS = ("about:blank", "http.", "websocket")


def spoken(source: str) -> Iterator[str]:
    """Each `type` that a dictionary of a source is given as it is written."""
    for node in ast.walk(ast.parse(source)):
        for key, value in _pairs(node):
            if isinstance(key, ast.Constant) and key.value == "type":
                yield from (str(text.value) for text in [value] if isinstance(text, ast.Constant))


def _pairs(node: ast.AST) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    match node:
        case ast.Dict():
            yield from zip(node.keys, node.values, strict=True)
        case ast.Call(func=ast.Name(id=name)) if name in {"dict", *_CLASSES}:
            yield from ((ast.Constant(word.arg), word.value) for word in node.keywords)
        case ast.Assign(targets=[ast.Subscript(slice=key)]):
            yield key, node.value


_CLASSES = {frame.__name__ for frame in (*get_args(AnyServerFrame), *get_args(EntryFrame))}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('{"type": "ack", "seq": 1}', ["ack"]),
        ('send({**fields, "type": "ack"})', ["ack"]),
        ('dict(seq=1, type="ack")', ["ack"]),
        ('Ack(type="ack", seq=1)', ["ack"]),
        ('fields["type"] = "ack"', ["ack"]),
        ('PublishFrame(type="publish", body=1)', []),
        ('{"kind": "ack", "type": name}', []),
    ],
)
def test_frames_made_elsewhere_are_found(source: str, found: list[str]) -> None:
    """However it is written: what the next test relies on."""
    assert list(spoken(source)) == found


def test_no_other_file_makes_frames() -> None:
    """A frame that is written where it is sent is one that its description does not hold."""
    made = {
        path.relative_to(API).as_posix(): types
        for path in API.rglob("*.py")
        if (types := {type_ for type_ in spoken(path.read_text()) if not type_.startswith(OTHERS)})
    }
    assert made == {
        "live/frames.py": {type_of(frame) for frame in get_args(ServerFrame)},
        "live/shared_frames.py": {type_of(frame) for frame in get_args(SharedFrame)},
    }


def said(settings: Settings) -> Iterator[AnyServerFrame]:
    """Each frame of the server, with and without what it may have."""
    opening = Opening(Standing(credential_ended=False), Extent(12, 3, "e1"), 5, recovered=True)
    yield welcome("c1", ACCESS, opening, {"count": 1, "users": [SOMEBODY]}, settings)
    yield welcome("c1", ACCESS, opening, {"count": 900}, settings)
    yield frames.live(7)
    yield frames.ack(7, 0, ref=None, duplicate=False)
    yield frames.ack(7, 0, ref="r", duplicate=True)
    yield frames.signal("typing", ADA, b'{"on": true}')
    yield frames.read(ADA, 7)
    yield frames.presence({"count": 1, "users": [SOMEBODY]})
    moved = frames.presence({"count": 1})
    moved["join"], moved["leave"] = [SOMEBODY], []
    yield moved
    yield frames.role_changed(Role.READER)
    yield frames.auth(ACCESS.principal)
    yield frames.expiring(29.7)
    yield frames.pong(None)
    yield frames.alive()
    yield shared_frames.hello("c1", ACCESS.principal, shared_limits_of(settings))
    last: shared_frames.LastMessage = {
        "seq": 7,
        "by": SOMEBODY,
        "at": rfc3339(0),
        "kind": "message",
        "preview": "Hel",
    }
    item: shared_frames.InboxItem = {
        "item": {"id": "doc", "title": ""},
        "role": "writer",
        "head": 7,
        "read_seq": 0,
        "unread": 1,
        "mentions": 0,
        "last": last,
        "active_at": rfc3339(0),
    }
    yield shared_frames.inbox(item)
    yield shared_frames.inbox(item | {"role": None, "last": None})
    yield shared_frames.watching(0)
    yield shared_frames.left("doc", None)
    yield shared_frames.left("doc", Refusal("busy", "Later.", retry_after=1))
    yield shared_frames.left("doc", Refusal("removed"))
    yield frames.error(Refusal("busy", "Later.", retry_after=1), "r")
    yield frames.error(Refusal("forbidden"), None)
    yield frames.error(Refusal("bad_offset", length=3), None, 7)
    yield frames.appended(7, MAIN, Grown(3))
    yield frames.appended(7, 2, Grown(3, stopped=True, duplicate=True))
    yield frames.append(TextAdded(1, 7, MAIN, 0, "Hel"))
    yield frames.append(TextAdded(1, 7, 2, 0, "Hel"))
    yield frames.opened(entry(7, Kind.MESSAGE), Draft(b'{"text": "Hel"}'))
    yield frames.closing(Refusal("overloaded", retry_after=1.5))
    yield from (frames.closing(Refusal(code, "Why.")) for code in CODES)


OWN_OF_MANY = {type_of(frame) for frame in get_args(SharedFrame)}


def test_every_frame_is_as_described(settings: Settings) -> None:
    """Field by field, and nothing beside them."""
    seen = set()
    for frame in said(settings):
        shown = orjson.loads(orjson.dumps(frame))
        if frame["type"] in OWN_OF_MANY:
            check_shared_frame(shown)
        else:
            check_frame(shown)
        seen.add(frame["type"])
    assert seen == {type_of(frame) for frame in get_args(AnyServerFrame)}


USER = {"id": "u-bob", "name": "Bob"}
OWN: dict[Kind, list[bytes | None]] = {
    Kind.MESSAGE: [b'{"text": "hello"}', b"null"],
    Kind.EDIT: [b'"hello"'],
    Kind.DELETE: [None],
    Kind.REACTION: [orjson.dumps({"value": "+1", "on": True})],
    Kind.MEMBER: [orjson.dumps({"user": USER, "role": role}) for role in ("admin", None)],
    Kind.STOP: [None],
    Kind.FINISH: [
        orjson.dumps({"state": "done", "body": "hello"}),
        orjson.dumps({"state": "failed", "error": {"code": "overloaded"}}),
    ],
    Kind.ITEM: [orjson.dumps({"title": "A"}), orjson.dumps({"default_role": None})],
}
"""What the kinds store as their body."""


@pytest.mark.parametrize("kind", Kind)
def test_every_entry_is_as_described(kind: Kind) -> None:
    """What the log makes of each kind, with and without what it may have."""
    target = None if kind in (Kind.MESSAGE, Kind.MEMBER, Kind.ITEM) else 3
    marks = {Kind.MESSAGE: ("edited_seq", "deleted_seq"), Kind.EDIT: ("deleted_seq",)}
    for body in OWN[kind]:
        check_frame(orjson.loads(entry(7, kind, body=body, target=target).json()))
        for mark in marks.get(kind, ()):
            marked = entry(7, kind, body=body, target=target, ref="r", **{mark: 9})
            check_frame(orjson.loads(marked.json()))


def test_entries_and_other_frames_are_all_that_is_described() -> None:
    """Every kind of the log has its description, and no frame has two."""
    kinds = {type_of(frame) for frame in get_args(EntryFrame)}
    assert kinds == set(Kind)
    assert len(DESCRIBED) == len(get_args(ServerFrame)) + len(kinds)
