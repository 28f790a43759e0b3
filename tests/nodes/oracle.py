"""Judges a run over several servers: what people were told and saw, against what is stored.

What holds for one server is judged by the scenarios' oracle; this adds what many could break.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.nodes.crowd import Guest, Talker
from tests.nodes.officials import Ended
from tests.scenarios.oracle import Run
from tests.scenarios.oracle import faults as broken_promises
from tests.serving import Fields

WRITERS = {"writer", "admin"}


@dataclass
class Trial:
    """All that happened in one item."""

    creator: str
    """The id of who has made it, and is its admin from the beginning."""
    logs: Sequence[list[Fields]]
    """The whole log, as each server tells it afterwards."""
    row: tuple[int, ...]
    """From the database: the head, the number of entries, the greatest seq."""
    talkers: Sequence[Talker] = ()
    views: dict[str, list[Fields]] = field(default_factory=dict)
    """What others than guests have seen, from the first entry on."""
    ended: Sequence[Ended] = ()


def faults(trial: Trial) -> list[str]:
    """Everything that breaks a promise; empty: the run was right."""
    return [
        *_stored(trial),
        *broken_promises(_run(trial)),
        *_rights(trial),
        *_ended_rights(trial),
        *_visits(trial),
        *_completeness(trial),
        *(fault for talker in _everybody(trial) for fault in talker.faults),
    ]


def _everybody(trial: Trial) -> list[Talker]:
    return [*trial.talkers, *(ended.guest for ended in trial.ended)]


def _guests(trial: Trial) -> list[Guest]:
    return [talker for talker in _everybody(trial) if isinstance(talker, Guest)]


def _run(trial: Trial) -> Run:
    sent = [sent for talker in _everybody(trial) for sent in talker.sent.values()]
    views = {guest.name: guest.seen() for guest in _guests(trial)} | trial.views
    log = [(entry["seq"], entry.get("ref"), entry.get("body")) for entry in trial.logs[0]]
    seen = {
        name: [(entry["seq"], entry.get("body")) for entry in view] for name, view in views.items()
    }
    return Run(log, sent, seen)


def _stored(trial: Trial) -> Iterable[str]:
    """All servers tell the same, and it is what the database counts."""
    if any(log != trial.logs[0] for log in trial.logs):
        yield "servers tell different logs"
    if set(trial.row) != {len(trial.logs[0])}:
        yield f"the log has {len(trial.logs[0])} entries; its head, count and last are {trial.row}"


def _rights(trial: Trial) -> Iterable[str]:
    """Between two entries about somebody they do what the first of them allows, and no more."""
    writers = {trial.creator}
    for entry in trial.logs[0]:
        if entry["type"] == "member":
            (writers.add if entry["role"] in WRITERS else writers.discard)(entry["user"]["id"])
        elif entry["by"]["id"] not in writers:
            yield f"{entry.get('ref')} is stored as {entry['seq']}, by somebody who may not write"


def _ended_rights(trial: Trial) -> Iterable[str]:
    stored = {entry.get("ref") for entry in trial.logs[0]}
    for ended in trial.ended:
        for sent in ended.guest.sent.values():
            if sent.begun > ended.at and sent.ref in stored:
                yield f"{sent.ref} was stored, and begun after its token had ended"


def _visits(trial: Trial) -> Iterable[str]:
    """Whoever is removed still gets that entry, and on that connection nothing after it.

    What happened before it began is history, which whoever was let in again may read.
    """
    for guest in _guests(trial):
        for visit in guest.visits:
            seqs = [entry["seq"] for entry in visit.entries if _removes(entry, guest)]
            if any(visit.head < seq < visit.entries[-1]["seq"] for seq in seqs):
                yield f"{guest.name} was told more after it had been removed"


def _removes(entry: Fields, guest: Guest) -> bool:
    is_about = entry["type"] == "member" and entry["user"]["id"] == guest.person.id
    return bool(is_about and entry["role"] is None)


def _completeness(trial: Trial) -> Iterable[str]:
    """Everything that is to be stored is, and everybody has seen it."""
    stored = {entry.get("ref") for entry in trial.logs[0]}
    for talker in trial.talkers:
        if missing := [sent.ref for sent in talker.unanswered()]:
            yield f"{talker.name} was never answered to {missing[:3]}"
        yield from (f"{ref} is not stored" for ref in talker.sent if ref not in stored)
        if isinstance(talker, Guest) and talker.cursor != len(trial.logs[0]):
            yield f"{talker.name} has seen entries up to {talker.cursor}, of {len(trial.logs[0])}"
    for name, view in trial.views.items():
        if view != trial.logs[0]:
            yield f"{name} has not seen what the log has, and nothing else"
