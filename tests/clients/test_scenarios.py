"""The cores of both clients do the same, step by step: see scenarios.json."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from itemroom import Refused
from itemroom.core import verdicts
from itemroom.core.cursor import Cursor
from itemroom.core.entries import Event
from itemroom.core.outbox import Outbox
from itemroom.core.session import Session
from tests.clients.javascript.conftest import node

Fields = dict[str, Any]

HERE = Path(__file__).parent
GIVEN: Fields = json.loads((HERE / "scenarios.json").read_text())
SCENARIOS: dict[str, list[Fields]] = GIVEN["scenarios"]
NOTHING: Fields = {"events": [], "sent": [], "refused": None}
# What one client's manual calls otherwise.
NAMES = {"bad_frame": "garbled"}


class Play:
    """The core in Python, with one scenario."""

    def __init__(
        self,
        after: int | None = None,
        epoch: str | None = None,
        *,
        can_renew: bool = False,
        outbox: int = 1000,
    ) -> None:
        self.cursor = Cursor(after, epoch)
        self.session = Session(self.cursor, Outbox(outbox), can_renew=can_renew)
        self.is_connected = False
        self.ending: Refused | None = None
        self.now = 0.0
        self.found: Fields = {}

    def step(self, step: Fields) -> Fields:
        """What comes of one step."""
        acts = {name: value for name, value in step.items() if name not in ("at", "then")}
        [(name, argument)] = acts.items()
        self.now = step["at"]
        self.found = {"events": [], "sent": [], "refused": None}
        try:
            getattr(self, name)(argument)
            if self.is_connected:
                texts, self.found["wait"] = self.session.outgoing(self.now)
                self.found["sent"] = [json.loads(text) for text in texts]
        except Refused as refused:
            self.ending = refused
            said = ("code", "retry", "retry_after", "close_code")
            self.found["refused"] = {name: getattr(refused, name) for name in said}
        session = self.session
        users = [user["id"] for user in session.presence.users]
        return self.found | {
            "seq": self.cursor.after,
            "head": session.head,
            "is_live": session.is_live,
            "role": session.you.get("role"),
            "title": session.item.get("title"),
            "present": [session.presence.count, *users],
        }

    def connect(self, _: object) -> None:
        self.found["query"] = self.cursor.query()
        self.session.connected(self.now)
        self.is_connected = True

    def hear(self, frame: Fields) -> None:
        try:
            self.found["events"] = list(map(told, self.session.received(frame, self.now)))
        except Refused:
            self.is_connected = False
            raise

    def welcome(self, fields: Fields) -> None:
        limits = GIVEN["welcome"]["limits"] | fields.get("limits", {})
        self.hear(GIVEN["welcome"] | fields | {"limits": limits})

    def entry(self, fields: Fields) -> None:
        who = GIVEN["me" if fields.get("by") == "me" else "other"]
        self.hear({"type": "message", "at": ""} | fields | {"by": who})

    def command(self, fields: Fields) -> None:
        content = {name: value for name, value in fields.items() if name not in ("type", "ref")}
        self.session.command(fields["type"], fields["ref"], **content)

    def signal(self, signal: Fields) -> None:
        self.session.signal(signal["name"], signal["body"], self.now)

    def read(self, seq: int) -> None:
        self.session.read(seq)

    def renew(self, token: str) -> None:
        self.session.renew(token)

    def deaf(self, is_deaf: bool) -> None:  # noqa: FBT001 - called by its name
        self.cursor.is_deaf = is_deaf

    def pass_(self, _: object) -> None:
        pass

    def end(self, how: Fields | str) -> None:
        if isinstance(how, dict):
            self.ending = Refused(
                how["code"], retry=how["retry"], retry_after=how.get("retry_after")
            )
        assert self.ending is not None
        self.is_connected = False
        self.found["retry_in"] = self.session.ended(self.ending)

    def close(self, code: int) -> None:
        self.ending = verdicts.closed(code)
        self.end("so")

    def deny(self, answer: Fields) -> None:
        headers = {"Retry-After": answer["retry_after"]} if "retry_after" in answer else {}
        self.ending = verdicts.denied(answer["status"], headers, answer["text"].encode())
        self.end("so")


setattr(Play, "pass", Play.pass_)  # A word of Python's own.


def told(event: Event) -> list[object]:
    """What an event says, as the scenarios write it."""
    match event:
        case ("entry", entry):
            return ["entry", entry.seq]
        case ("gap", gap):
            return ["gap", gap._asdict()]
        case ("settled", (ref, Refused() as refused)):
            return ["settled", ref, refused.code]
        case ("settled", (ref, seq)):
            return ["settled", ref, seq]
        case ("error", refused):
            return ["error", refused.code]
    return [event.type]


def in_python(steps: list[Fields]) -> list[Fields]:
    """What comes of each step."""
    play = Play(**steps[0].get("client", {}))
    return [play.step(step) for step in steps if "client" not in step]


@pytest.fixture(scope="module")
def in_javascript() -> dict[str, list[Fields]]:
    """What comes of each step, by scenario."""
    played: dict[str, list[Fields]] = json.loads(node("scenarios.mjs", cwd=HERE))
    return played


def check(steps: list[Fields], found: list[Fields]) -> None:
    """Compare what a core has done to what the steps say."""
    acts = [step for step in steps if "client" not in step]
    for number, (step, came) in enumerate(zip(acts, found, strict=True)):
        expected = NOTHING | step.get("then", {})
        shown = {name: as_written(expected[name], came.get(name)) for name in expected}
        assert shown == expected, f"step {number}: {step}"


def as_written(expected: object, came: Any) -> object:
    """Only what is named of a refusal, only the ref of a frame, and times without their dust."""
    if isinstance(came, float):
        return round(came, 6)
    if isinstance(expected, dict) and isinstance(came, dict) and "code" in came:
        came = came | {"code": NAMES.get(came["code"], came["code"])}
        return {name: came[name] for name in expected}
    if isinstance(expected, list) and expected and isinstance(came, list):
        pairs = zip(expected, came, strict=False)
        short = [
            one.get("ref") if isinstance(want, str) and isinstance(one, dict) else one
            for want, one in pairs
        ]
        return short + came[len(short) :]
    return came


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_core_in_python_does_what_the_scenario_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step, and nothing else."""
    monkeypatch.setattr(random, "uniform", lambda _, longest: longest)
    check(SCENARIOS[name], in_python(SCENARIOS[name]))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_core_in_javascript_does_what_the_scenario_says(
    name: str, in_javascript: dict[str, list[Fields]]
) -> None:
    """Each step, and nothing else."""
    check(SCENARIOS[name], in_javascript[name])
