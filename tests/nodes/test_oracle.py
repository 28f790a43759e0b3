"""The judge of runs over several servers finds what many could break, and nothing else."""

import random
from dataclasses import replace
from typing import Any

import pytest

from tests.nodes.acts import Act
from tests.nodes.crowd import Guest, Visit
from tests.nodes.officials import Ended
from tests.nodes.oracle import Told, Trial, faults
from tests.scenarios.oracle import Sent
from tests.serving import Fields, Person, Served


def member(seq: int, name: str, role: str | None) -> Fields:
    by = {"id": "ada", "name": "Ada"}
    return {"type": "member", "seq": seq, "by": by, "user": {"id": name}, "role": role}


def message(seq: int, by: str, ref: str) -> Fields:
    return {"type": "message", "seq": seq, "by": {"id": by}, "ref": ref, "body": ref}


def change(seq: int, type_: str, target: int, ref: str, **more: object) -> Fields:
    made: Fields = {"type": type_, "seq": seq, "by": {"id": "ada"}, "ref": ref, "target": target}
    return made | more


MESSAGES: list[Fields] = [
    message(1, "ada", "a1") | {"body": "a3", "edited_seq": 6},
    message(3, "eve", "e1"),
    {"type": "message", "seq": 5, "by": {"id": "ada"}, "ref": "a2", "deleted_seq": 8},
]
LOG = [
    MESSAGES[0],
    member(2, "eve", "writer"),
    MESSAGES[1],
    member(4, "eve", None),
    MESSAGES[2],
    change(6, "edit", 1, "a3", body="a3"),
    change(7, "reaction", 1, "a4", value="a4", on=True),
    change(8, "delete", 5, "a5"),
]
MESSAGES[0] = MESSAGES[0] | {"reactions": {"a4": ["ada"]}}
LIVE = [message(1, "ada", "a1"), *LOG[1:4], message(5, "ada", "a2"), *LOG[5:]]
TOLD = Told(LOG, MESSAGES)
ACTS = {
    "a1": Act("publish", "a1"),
    "a2": Act("publish", "a2"),
    "a3": Act("edit", "a3", 1),
    "a4": Act("react", target=1, value="a4"),
    "a5": Act("delete", target=5),
}


def guest(name: str, sent: list[Sent], visits: list[Visit], **more: Any) -> Guest:
    person = Person(Served(), name, name, "")
    made = Guest(name, person, "order-17", random.Random(0), visits=visits, **more)
    made.sent = {one.ref: one for one in sent}
    made.cursor = made.seen()[-1]["seq"] if made.seen() else 0
    return made


def ada(seen: list[Fields] = LIVE, **more: Any) -> Guest:
    """Was there from the beginning, and came back when the log had three entries."""
    seqs = {"a1": 1, "a2": 5, "a3": 6, "a4": 7, "a5": 8}
    sent = [Sent(ref, ACTS[ref].body, seq, begun=seq, done=seq + 0.5) for ref, seq in seqs.items()]
    return guest("ada", sent, [Visit(0, seen[:2]), Visit(3, seen[2:])], **({"acts": ACTS} | more))


def late(*, head: int, **changed: Fields) -> Guest:
    """Came when the log had that head, and saw it with some entries, `e` and the seq, changed."""
    seen = [changed.get(f"e{entry['seq']}", entry) for entry in LOG]
    return guest("late", [], [Visit(head, seen)])


def token(begun: float) -> Ended:
    """Somebody's that ended at 1, and whose message may have been stored before."""
    sent = Sent("e1", "e1", None, begun=begun)
    acts = {"e1": Act("publish", "e1")}
    return Ended(guest("eve", [sent], [Visit(3, LOG[2:4])], acts=acts), 1)


RIGHT = Trial(
    "ada", [TOLD, TOLD], (8, 8, 8), [ada(), late(head=8)], {"client": LIVE}, [token(begun=0.5)]
)


def told(log: list[Fields], messages: list[Fields] = MESSAGES) -> list[Told]:
    return [Told(log, messages)]


def instead(seq: int, entry: Fields) -> list[Fields]:
    """The log with another entry in the place of one."""
    return [*LOG[: seq - 1], entry, *LOG[seq:]]


def test_a_right_run_has_no_fault() -> None:
    """Also with a right that ended while somebody was there, and one who has not seen all."""
    assert faults(RIGHT) == []


@pytest.mark.parametrize(
    ("trial", "fault"),
    [
        (replace(RIGHT, told=[TOLD, *told(LOG[:4])]), "servers tell different logs"),
        (replace(RIGHT, row=(9, 8, 8)), "the log has 8 entries; its head"),
        (replace(RIGHT, told=told(instead(5, message(5, "eve", "a2")))), "a2 is stored as 5, by"),
        (replace(RIGHT, ended=[token(begun=2)]), "e1 was stored, and begun after"),
        (replace(RIGHT, talkers=[ada(faults=["ada was sent away"])]), "ada was sent away"),
        (
            replace(RIGHT, talkers=[guest("ada", [Sent("a9", "a9", None, begun=0)], [])]),
            "ada was never answered to ['a9']",
        ),
        (replace(RIGHT, talkers=[guest("bob", [], [Visit(0, LOG[:4])])]), "bob has seen entries"),
        (replace(RIGHT, talkers=[guest("eve", [], [Visit(3, LOG)])]), "eve was told more after"),
        (replace(RIGHT, views={"client": LIVE[:4]}), "client has seen 4 entries"),
        (replace(RIGHT, views={"client": [LOG[0], LOG[2]]}), "client did not see each entry"),
        # Of edits, deletions and reactions.
        (replace(RIGHT, told=told(LOG, MESSAGES[:2])), "a server lists other messages"),
        (replace(RIGHT, told=told(LOG, LIVE[:1] + MESSAGES[1:])), "a server lists other messages"),
        (replace(RIGHT, told=told(instead(1, LIVE[0]))), "the log saw"),
        (replace(RIGHT, told=told(instead(5, LIVE[4]))), "the log saw"),
        (
            replace(RIGHT, told=told([*LOG, change(9, "edit", 5, "a6", body="a6")])),
            "9 changes 5, which is not there",
        ),
        (
            replace(RIGHT, told=told(instead(7, change(7, "edit", 1, "a3", body="a3")))),
            "a3 is stored 2 times",
        ),
        (
            replace(RIGHT, talkers=[ada(acts=ACTS | {"a4": Act("react", target=3, value="a4")})]),
            "a4 was acked as 7, which is something else",
        ),
        (
            replace(RIGHT, talkers=[ada(acts=ACTS | {"a5": ACTS["a3"]}, too_late={"a5"})]),
            "a5 was refused, and 1 is there",
        ),
        (replace(RIGHT, talkers=[ada(instead(1, LIVE[0] | {"body": "a9"}))]), "ada saw {"),
        (replace(RIGHT, talkers=[ada(instead(6, LOG[5] | {"target": 3}))]), "ada saw what the log"),
        (replace(RIGHT, talkers=[late(head=6, e1=LIVE[0])]), "late saw {"),
        (replace(RIGHT, talkers=[late(head=8, e5=LIVE[4])]), "late saw {"),
        (
            replace(RIGHT, views={"client": instead(7, LOG[6] | {"on": False})}),
            "client has arrived at other messages",
        ),
    ],
)
def test_a_fault_is_found(trial: Trial, fault: str) -> None:
    """What is by somebody who might not, too late, in one place only, or never."""
    assert [line for line in faults(trial) if line.startswith(fault)]
