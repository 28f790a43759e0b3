"""Judges what clients told: everything that the log has, each once and in order, as it is there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.clients.drivers import Client
from tests.scenarios.oracle import Run, Sent
from tests.scenarios.oracle import faults as broken_promises
from tests.serving import Person

Fields = dict[str, Any]


@dataclass
class Report:
    """What a client has got, and what it has given, in order."""

    name: str
    entries: Sequence[Fields]
    given: Sequence[tuple[str, object]] = ()
    """Refs and bodies of its messages."""
    answers: dict[str, int] = field(default_factory=dict)
    """Seqs, by ref, as the client's promises told them."""


def report(client: Client, given: Sequence[tuple[str, object]] = ()) -> Report:
    """A client's, of messages that it was given."""
    answers = {ref: answer["seq"] for ref, answer in client.answers.items() if "seq" in answer}
    return Report(client.name, client.entries, given, answers)


def read_log(person: Person, item: str) -> list[Fields]:
    """The whole log, as REST tells it."""
    log: list[Fields] = []
    while True:
        after = log[-1]["seq"] if log else 0
        page = person.call("GET", f"/items/{item}/log", params={"after": after, "limit": 500})
        log += page.json()["entries"]
        if not log or log[-1]["seq"] == page.json()["head"]:
            return log


def faults(log: Sequence[Fields], reports: Sequence[Report]) -> list[str]:
    """Everything that is not as it must be; of clients that were there from the beginning."""
    found = [fault for report in reports for fault in _faults(log, report)]
    given = {ref for report in reports for ref, _ in report.given}
    stored = {entry["ref"] for entry in log if "ref" in entry}
    return found + [f"nobody was given {ref}" for ref in stored - given]


def _faults(log: Sequence[Fields], report: Report) -> Iterator[str]:
    run = Run(
        [(entry["seq"], entry.get("ref"), entry.get("body")) for entry in log],
        [Sent(ref, body, report.answers.get(ref), 0) for ref, body in report.given],
        {report.name: [(entry["seq"], entry.get("body")) for entry in report.entries]},
    )
    yield from broken_promises(run)
    if list(report.entries) != list(log):
        yield f"{report.name} has not told of what the log has, and of nothing else"
    seqs = [report.answers[ref] for ref, _ in report.given if ref in report.answers]
    if len(seqs) < len(report.given):
        yield f"{report.name} was told of {len(seqs)} of its {len(report.given)} messages"
    if seqs != sorted(seqs):
        yield f"{report.name} did not send its messages in the order in which it was given them"
