"""The judge sees what is wrong, and a careless client gets it wrong."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.clients.judge import Report, faults, read_log
from tests.clients.proxy import Fate, Piece, Proxy
from tests.serving import Fields, LiveServer

LOG: list[Fields] = [
    {"type": "message", "seq": seq, "ref": f"r{seq}", "body": {"n": seq}} for seq in range(1, 6)
]
GIVEN = [(f"r{seq}", {"n": seq}) for seq in range(1, 6)]


def fair() -> Report:
    return Report("ada", deepcopy(LOG), list(GIVEN), {f"r{seq}": seq for seq in range(1, 6)})


def test_a_fair_report_has_no_fault() -> None:
    """Also not beside that of somebody who has only listened."""
    assert faults(LOG, [fair(), Report("bob", LOG)]) == []


SPOILED: dict[str, Callable[[Any], object]] = {
    "first missing": lambda report: report.entries.pop(0),
    "one missing": lambda report: report.entries.pop(2),
    "last missing": lambda report: report.entries.pop(),
    "one doubled": lambda report: report.entries.insert(2, report.entries[1]),
    "out of order": lambda report: report.entries.reverse(),
    "one invented": lambda report: report.entries.append({"seq": 6, "body": None}),
    "another body": lambda report: report.entries[3].update(body={"n": 44}),
    "another author": lambda report: report.entries[3].update(by="eve"),
    "no answer": lambda report: report.answers.pop("r4"),
    "a wrong answer": lambda report: report.answers.update(r4=3),
    "answers mixed up": lambda report: report.answers.update(r2=4, r4=2),
    "one not stored": lambda report: report.given.append(("r9", None)),
    "one not given": lambda report: report.given.pop(),
    "given otherwise": lambda report: report.given.reverse(),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_whatever_is_wrong_is_a_fault(spoil: Callable[[Any], object]) -> None:
    """Missing, doubled, out of order, foreign or changed; and answers that are not true."""
    report = fair()
    spoil(report)
    assert faults(LOG, [report]) != []


def test_a_message_stored_twice_is_a_fault() -> None:
    """Though the client has told of each as it is in the log."""
    log = [*LOG, LOG[3] | {"seq": 6}]
    assert faults(log, [Report("ada", log, GIVEN, fair().answers)]) != []


def test_a_message_that_nobody_gave_is_a_fault() -> None:
    """Such as one that was repeated under another ref."""
    log = [*LOG, LOG[3] | {"seq": 6, "ref": "again"}]
    assert faults(log, [Report("ada", log, GIVEN, fair().answers)]) != []


@pytest.mark.parametrize("careless", ["place", "ref"])
async def test_a_careless_client_is_found_out(server: LiveServer, careless: str) -> None:
    """It begins anew each time, or repeats a message as another one; a lost ack shows it."""
    ada = server.person("ada")
    ada.create("room")

    def trap(piece: Piece) -> Fate | None:
        frame = piece.frame
        is_lost = frame.get("type") == "ack" and frame["seq"] == 2 and not piece.connection
        return piece.cut(0) if is_lost else None

    async with Proxy(server.url, trap) as proxy:
        client = Careless(f"{proxy.url}/items/room/ws?token={ada.token}", careless)
        await client.talk()
    assert faults(read_log(ada, "room"), [client.report]) != []


class Careless:
    """A client that leaves out one rule of the protocol: to keep its `place`, or its `ref`."""

    def __init__(self, url: str, careless: str) -> None:
        self._url = url.replace("http", "ws", 1)
        self._careless = careless
        self._entries: list[Fields] = []
        self._given: list[tuple[str, object]] = []
        self.report = Report("careless", self._entries, self._given, {})

    async def talk(self) -> None:
        while len(self._given) < 5:
            seqs = [entry["seq"] for entry in self._entries]
            after = 0 if self._careless == "place" else max(seqs, default=0)
            with suppress(WebSocketException, OSError, EOFError):
                async with connect(f"{self._url}&after={after}", proxy=None) as socket:
                    await self._say(socket)

    async def _say(self, socket: ClientConnection) -> None:
        while len(self._given) < 5:
            body = len(self._given)
            ref = uuid4().hex if self._careless == "ref" else f"r{body}"
            await socket.send(json.dumps({"type": "publish", "ref": ref, "body": body}))
            while ref not in self.report.answers:
                frame = json.loads(await socket.recv())
                if frame["type"] == "message":
                    self._entries.append(frame)
                elif frame["type"] == "ack":
                    self.report.answers[frame["ref"]] = frame["seq"]
            self._given.append((ref, body))
