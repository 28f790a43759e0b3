import random

import pytest

from itemroom import Gap, Refused
from itemroom.core import backoff, silence
from itemroom.core.cursor import Cursor
from itemroom.core.entries import Event, entry_of
from itemroom.core.outbox import Outbox
from itemroom.core.session import Session
from tests.clients.python.scripted import ADA, WELCOME, Fields, message

BEN = {"id": "u2", "name": "Ben"}


@pytest.fixture
def room() -> Session:
    """Somebody in a room, welcomed at time 0."""
    room = Session(Cursor(), Outbox(1000), can_renew=False)
    room.connected(0)
    room.received(WELCOME, 0)
    return room


def entries(events: list[Event]) -> list[int]:
    return [event.detail.seq for event in events if event.type == "entry"]


def refusal_of(room: Session, frame: Fields) -> Refused:
    with pytest.raises(Refused) as refused:
        room.received(frame, 0)
    return refused.value


def test_entries_come_once_and_move_head_and_cursor(room: Session) -> None:
    """One that came before is dropped."""
    assert [entries(room.received(message(seq), 0)) for seq in (1, 2, 2, 1, 3)] == [
        [1],
        [2],
        [],
        [],
        [3],
    ]
    assert (room.head, room.cursor.after) == (3, 3)


@pytest.mark.parametrize("frame", [message(3), {"type": "live", "seq": 2}])
def test_hole_in_the_log_ends_the_connection(room: Session, frame: Fields) -> None:
    """It is a broken promise: what is missing comes with the next connection."""
    room.received(message(1), 0)
    refused = refusal_of(room, frame)
    assert (refused.code, refused.retry) == ("hole", "later")
    assert room.cursor.query() == {"after": "1", "epoch": "e1"}


def test_resumed_log_that_leaves_entries_out_is_a_gap(room: Session) -> None:
    """Whatever `recovered` says: to the application it is the same."""
    assert room.received(WELCOME | {"after": 5}, 0)[1] == Event("gap", Gap(5, 1, "e1"))


def test_log_that_begins_anew_is_told(room: Session) -> None:
    """With where it begins; numbers start there."""
    room.received(message(1), 0)
    anew = WELCOME | {"recovered": False, "after": 40, "oldest": 30, "epoch": "e2", "head": 41}
    assert room.received(anew, 0)[1] == Event("gap", Gap(after=40, oldest=30, epoch="e2"))
    assert entries(room.received(message(41), 0)) == [41]
    assert room.cursor.query() == {"after": "41", "epoch": "e2"}


def test_first_connection_asks_for_what_the_application_knows() -> None:
    """And the tail serves again should the place be void."""
    assert Cursor(5, "e1", 7).query() == {"after": "5", "epoch": "e1", "tail": "7"}
    assert Cursor().query() == {}


def test_room_for_entries_that_comes_too_late_is_made_up_for(room: Session) -> None:
    """The connection was asked for without them, and begins elsewhere."""
    room.cursor.is_deaf = True
    assert room.cursor.query() == {"tail": "0"}
    room.cursor.is_deaf = False
    assert refusal_of(room, WELCOME).code == "hole"
    assert room.cursor.query() == {"after": "0", "epoch": "e1"}


def test_whoever_hears_no_entries_is_told_of_no_text(room: Session) -> None:
    """A message in the making is one of them."""
    shown = {"type": "open", "seq": 1, "by": ADA, "at": "", "body": "Hel", "length": 3}
    assert [event.type for event in room.received(shown, 0)] == ["open"]
    room.cursor.is_deaf = True
    assert room.received(shown, 0) == []


@pytest.mark.parametrize(
    "frame",
    [
        {},
        [],
        {"type": []},
        {"type": "welcome"},
        {"type": "message", "seq": 1},
        WELCOME | {"limits": 5},
        {"type": "presence", "count": 1, "users": [5]},
    ],
)
def test_nonsense_ends_the_connection(room: Session, frame: Fields) -> None:
    """And is no error of the program's own."""
    assert refusal_of(room, frame).code == "bad_frame"


def test_unknown_frames_are_ignored(room: Session) -> None:
    """Later versions of the server may say more."""
    assert room.received({"type": "news", "seq": 9}, 0) == []


@pytest.mark.parametrize("kind", ["signal", "read", "expiring"])
def test_passing_frames_are_told_as_they_come(room: Session, kind: str) -> None:
    """What they mean is the application's business."""
    assert room.received({"type": kind, "by": BEN}, 0) == [Event(kind, {"type": kind, "by": BEN})]


def test_presence_is_kept_current(room: Session) -> None:
    """Whatever of count, list, joins and leaves comes."""

    def shown(**frame: object) -> tuple[int, list[str], bool]:
        room.received({"type": "presence", **frame}, 0)
        names = [user["name"] for user in room.presence.users]
        return room.presence.count, names, room.presence.is_listed

    assert shown(count=2, join=[BEN, ADA], leave=[]) == (2, ["Ada", "Ben"], True)
    assert shown(count=1, join=[], leave=[ADA, {"id": "u9", "name": "Eve"}]) == (1, ["Ben"], True)
    assert room.outgoing(0)[0] == []
    assert shown(count=201) == (201, [], False)
    # Fewer than are listed, but the others are not known: the whole list is asked for.
    assert shown(count=200, join=[], leave=[BEN]) == (200, [], False)
    assert room.outgoing(0)[0] == ['{"type":"presence"}']
    assert shown(count=1, users=[ADA]) == (1, ["Ada"], True)


def test_role_title_and_head_are_kept_current(room: Session) -> None:
    """As the server tells of them."""
    room.received({"type": "role", "role": "reader"}, 0)
    room.received(message(1) | {"type": "item", "title": "New"}, 0)
    room.received(message(2) | {"type": "item", "default_role": "reader"}, 0)
    room.received({"type": "pong", "head": 9}, 0)
    assert (room.you["role"], room.item["title"], room.head) == ("reader", "New", 9)
    room.received({"type": "pong", "head": None}, 0)
    assert room.head == 9


def test_silence_is_asked_about_and_then_ends_the_connection(room: Session) -> None:
    """Whatever comes counts as an answer."""
    assert room.outgoing(5) == ([], silence.QUIET - 5)
    room.received({"type": "news"}, 10)
    assert room.outgoing(34) == ([], 1)
    assert room.outgoing(35) == (['{"type":"ping"}'], silence.PATIENCE)
    room.received({"type": "pong", "head": 0}, 44)
    assert room.outgoing(69) == (['{"type":"ping"}'], silence.PATIENCE)
    assert room.outgoing(70) == ([], silence.PATIENCE - 1)
    with pytest.raises(Refused) as refused:
        room.outgoing(79)
    assert (refused.value.code, refused.value.retry) == ("silent", "later")


def test_signals_are_sent_only_while_live(room: Session) -> None:
    """Who hears them is here now, or never."""
    room.signal("typing", True, 0)
    assert room.outgoing(0)[0] == []
    room.received({"type": "live", "seq": 0}, 0)
    room.signal("typing", True, 0)
    assert room.outgoing(0)[0] == ['{"type":"signal","name":"typing","body":true}']
    room.received(WELCOME | {"limits": WELCOME["limits"] | {"publish_rate": 1}}, 0)
    room.signal("typing", True, 0)
    room.signal("typing", True, 0)  # Beyond the rate: the publishes are worth more.
    assert len(room.outgoing(0)[0]) == 1


def test_only_the_newest_read_marker_is_told_again(room: Session) -> None:
    """Once for each connection; a marker never moves back."""
    for seq in (3, 5, 4):
        room.read(seq)
    assert room.outgoing(0)[0] == ['{"type":"read","seq":5}']
    assert room.outgoing(0)[0] == []
    room.ended(Refused("lost", retry="later"))
    room.connected(1)
    assert room.outgoing(1)[0] == []
    room.received(WELCOME, 1)
    assert room.outgoing(1)[0] == ['{"type":"read","seq":5}']


def test_newer_token_is_shown_before_what_waits(room: Session) -> None:
    """And not to a later connection, which has its own."""
    room.command("publish", "a", body=1)
    room.renew("t2")
    assert room.outgoing(0)[0][0] == '{"type":"auth","token":"t2"}'
    room.renew("t3")
    room.ended(Refused("lost", retry="later"))
    room.connected(1)
    assert room.outgoing(1)[0] == []


def test_answers_settle_commands(room: Session) -> None:
    """With the seq, or with the refusal; what has no ref is told as an error."""
    room.command("publish", "a", body=1)
    room.command("publish", "b", body=1)
    room.outgoing(0)
    ack = {"type": "ack", "ref": "a", "seq": 7, "at": ""}
    assert room.received(ack, 0) == [Event("settled", ("a", 7))]
    [event] = room.received({"type": "error", "ref": "b", "code": "forbidden", "message": "No."}, 0)
    ref, refused = event.detail
    assert (ref, refused.code, refused.message, refused.retry) == ("b", "forbidden", "No.", "never")
    [event] = room.received({"type": "error", "code": "bad_message", "message": "What?"}, 0)
    assert (event.type, event.detail.code) == ("error", "bad_message")
    assert room.received({"type": "error", "ref": "b", "code": "forbidden", "message": ""}, 0) == []


def test_passing_refusal_is_tried_again_when_the_server_says(room: Session) -> None:
    """Nobody is told."""
    room.command("publish", "a", body=1)
    [text] = room.outgoing(0)[0]
    busy = {"type": "error", "ref": "a", "code": "busy", "message": "", "retry_after": 2}
    assert room.received(busy, 1) == []
    assert room.outgoing(1) == ([], 2)
    assert room.outgoing(3)[0] == [text]


def test_my_entry_settles_a_command_whose_ack_was_lost(room: Session) -> None:
    """Even if sending it again would be refused by now."""
    room.command("publish", "a", body="x")
    room.outgoing(0)
    room.ended(Refused("lost", retry="later"))
    room.received(WELCOME | {"head": 1}, 1)
    assert room.received(message(1, "x", ref="a"), 1)[0] == Event("settled", ("a", 1))


@pytest.mark.parametrize(
    ("by", "head", "sent", "lost"),
    [(BEN, 0, True, True), (ADA, 1, True, True), (ADA, 0, False, True), (ADA, 0, True, False)],
)
def test_other_entry_with_the_ref_settles_nothing(
    by: Fields,
    head: int,
    sent: bool,  # noqa: FBT001 - parametrised
    lost: bool,  # noqa: FBT001 - parametrised
) -> None:
    """Somebody else's, or one from before, or one whose ack is on its way: the server will say."""
    room = Session(Cursor(after=0), Outbox(1000), can_renew=False)
    room.received(WELCOME | {"head": head}, 0)
    room.command("publish", "a", body="x")
    if sent:
        room.outgoing(0)
    if lost:
        room.ended(Refused("lost", retry="later"))
        room.received(WELCOME | {"head": head}, 0)
    assert [event.type for event in room.received(message(1, ref="a", by=by), 0)] == ["entry"]


def test_command_that_would_end_the_connection_is_refused_here(room: Session) -> None:
    """The server closes for good over a frame that is too big, and everything would be lost."""
    with pytest.raises(Refused, match="too_big"):
        room.command("publish", None, body="x" * 500)
    early = Session(Cursor(), Outbox(1000), can_renew=False)
    ref = early.command("publish", None, body="ä" * 240)
    early.command("publish", None, body="short")
    events = early.received(WELCOME, 0)
    assert [event.type for event in events] == ["welcome", "settled"]
    assert (events[1].detail[0], events[1].detail[1].code) == (ref, "too_big")
    assert len(early.outgoing(0)[0]) == 1


def test_waits_grow_until_a_welcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open socket proves nothing; what the server asks for comes on top."""
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.5)
    monkeypatch.setattr(backoff, "LONGEST_WAIT", 30)
    monkeypatch.setattr(random, "uniform", lambda _, longest: longest)
    room = Session(Cursor(), Outbox(1), can_renew=False)
    waits = [room.ended(Refused("lost", retry="later")) for _ in range(9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    room.connected(0)
    assert room.ended(Refused("busy", retry="later", retry_after=100)) == 130
    room.received(WELCOME, 0)
    assert room.ended(Refused("restart", retry="later", retry_after=2)) == 2.5


def test_verdicts_are_obeyed(room: Session) -> None:
    """Another credential is tried once, and only if there is one to be had."""
    expired = Refused("auth_expired", retry="after_auth")
    for refused in (Refused("removed"), expired):
        with pytest.raises(Refused) as raised:
            room.ended(refused)
        assert raised.value is refused
    renewing = Session(Cursor(), Outbox(1), can_renew=True)
    assert renewing.ended(expired) <= 0.5
    renewing.received(WELCOME, 0)
    assert renewing.ended(expired) <= 0.5
    renewing.ended(Refused("lost", retry="later"))
    with pytest.raises(Refused):
        renewing.ended(expired)


def test_closing_frame_is_a_verdict(room: Session) -> None:
    """What it does not say is not made up; an unknown verdict is a final one."""
    frame: Fields = {"type": "closing", "code": 1012, "reason": "restart", "retry": "later"}
    refused = refusal_of(room, frame | {"retry_after": 1.5, "message": "Bye."})
    assert (refused.code, refused.message, refused.retry) == ("restart", "Bye.", "later")
    assert (refused.retry_after, refused.close_code) == (1.5, 1012)
    refused = refusal_of(room, {"type": "closing", "reason": "x", "retry": "sideways"})
    assert (refused.retry, refused.retry_after, str(refused)) == ("never", None, "x")


def test_entry_has_what_its_frame_has() -> None:
    """And the frame itself, for what is not known yet."""
    frame = message(1, {"a": 1}, ref="r", edited_seq=2, mood="new")
    entry = entry_of(frame)
    assert (entry.type, entry.seq, entry.by, entry.body) == ("message", 1, ADA, {"a": 1})
    assert (entry.ref, entry.edited_seq, entry.deleted_seq, entry.target) == ("r", 2, None, None)
    assert entry.frame["mood"] == "new"
