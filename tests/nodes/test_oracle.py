"""The judge of runs over several servers finds what many could break, and nothing else."""

import random
from dataclasses import replace
from typing import Any

import pytest

from tests.nodes.crowd import Guest, Visit
from tests.nodes.officials import Ended
from tests.nodes.oracle import Trial, faults
from tests.scenarios.oracle import Sent
from tests.serving import Fields, Person, Served


def member(seq: int, name: str, role: str | None) -> Fields:
    by = {"id": "ada", "name": "Ada"}
    return {"type": "member", "seq": seq, "by": by, "user": {"id": name}, "role": role}


def message(seq: int, by: str, ref: str) -> Fields:
    return {"type": "message", "seq": seq, "by": {"id": by}, "ref": ref, "body": ref}


LOG = [
    message(1, "ada", "a1"),
    member(2, "eve", "writer"),
    message(3, "eve", "e1"),
    member(4, "eve", None),
    message(5, "ada", "a2"),
]


def guest(name: str, sent: list[Sent], visits: list[Visit], **more: Any) -> Guest:
    person = Person(Served(), name, name, "")
    made = Guest(name, person, "order-17", random.Random(0), visits=visits, **more)
    made.sent = {one.ref: one for one in sent}
    made.cursor = made.seen()[-1]["seq"] if made.seen() else 0
    return made


def ada(**more: Any) -> Guest:
    sent = [Sent("a1", "a1", 1, begun=0, done=1), Sent("a2", "a2", 5, begun=2, done=3)]
    return guest("ada", sent, [Visit(0, LOG[:2]), Visit(3, LOG[2:])], **more)


def token(begun: float) -> Ended:
    """Somebody's that ended at 1, and whose message may have been stored before."""
    return Ended(guest("eve", [Sent("e1", "e1", None, begun=begun)], [Visit(3, LOG[2:4])]), 1)


RIGHT = Trial("ada", [LOG, LOG], (5, 5, 5), [ada()], {"client": LOG}, [token(begun=0.5)])


def test_a_right_run_has_no_fault() -> None:
    """Also with a right that ended while somebody was there, and one who has not seen all."""
    assert faults(RIGHT) == []


@pytest.mark.parametrize(
    ("trial", "fault"),
    [
        (replace(RIGHT, logs=[LOG, LOG[:4]]), "servers tell different logs"),
        (replace(RIGHT, row=(6, 5, 5)), "the log has 5 entries; its head"),
        (replace(RIGHT, logs=[[*LOG[:4], message(5, "eve", "a2")]]), "a2 is stored as 5, by"),
        (replace(RIGHT, ended=[token(begun=2)]), "e1 was stored, and begun after"),
        (replace(RIGHT, talkers=[ada(faults=["ada was sent away"])]), "ada was sent away"),
        (
            replace(RIGHT, talkers=[guest("ada", [Sent("a9", "a9", None, begun=0)], [])]),
            "ada was never answered to ['a9']",
        ),
        (replace(RIGHT, talkers=[guest("bob", [], [Visit(0, LOG[:4])])]), "bob has seen entries"),
        (replace(RIGHT, talkers=[guest("eve", [], [Visit(3, LOG)])]), "eve was told more after"),
        (replace(RIGHT, views={"client": LOG[:4]}), "client has not seen what the log has"),
        (replace(RIGHT, views={"client": [LOG[0], LOG[2]]}), "client did not see each entry"),
    ],
)
def test_a_fault_is_found(trial: Trial, fault: str) -> None:
    """What is by somebody who might not, too late, in one place only, or never."""
    assert [line for line in faults(trial) if line.startswith(fault)]
