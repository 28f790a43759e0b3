"""Judges a run over several servers: what people were told and saw, against what is stored.

What holds for one server is judged by the scenarios' oracle; this adds what many could break.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.nodes.changes import Changes
from tests.nodes.crowd import Guest, Talker
from tests.nodes.officials import Ended
from tests.scenarios.oracle import Run
from tests.scenarios.oracle import faults as broken_promises
from tests.serving import Fields

WRITERS = {"writer", "admin"}


@dataclass
class Told:
    """What a server says of an item in the end: its log, and its messages as they stand."""

    log: list[Fields]
    messages: list[Fields]


@dataclass
class Trial:
    """All that happened in one item."""

    creator: str
    """The id of who has made it, and is its admin from the beginning."""
    told: Sequence[Told]
    """By each server."""
    row: tuple[int, ...]
    """From the database: the head, the number of entries, the greatest seq."""
    talkers: Sequence[Talker] = ()
    views: dict[str, list[Fields]] = field(default_factory=dict)
    """What others than guests have seen, from the first entry on."""
    ended: Sequence[Ended] = ()

    @property
    def log(self) -> list[Fields]:
        """As the first server has it; others have the same."""
        return self.told[0].log


def faults(trial: Trial) -> list[str]:
    """Everything that breaks a promise; empty: the run was right."""
    return [
        *_stored(trial),
        *broken_promises(_run(trial)),
        *_changes(trial),
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
    # A deletion by REST has no ref in the log: its answer is judged by its place alone.
    refs = {entry["ref"] for entry in trial.log if "ref" in entry}
    sent = [
        replace(sent, body=None)
        for talker in _everybody(trial)
        for sent in talker.sent.values()
        if sent.ref in refs or not talker.acts_without_ref(sent.ref)
    ]
    views = {guest.name: guest.seen() for guest in _guests(trial)} | trial.views
    # Bodies change, which is judged by itself.
    log = [(entry["seq"], entry.get("ref"), None) for entry in trial.log]
    seen = {name: [(entry["seq"], None) for entry in view] for name, view in views.items()}
    return Run(log, sent, seen)


def _changes(trial: Trial) -> Iterable[str]:
    """Messages are what was made of them, for whoever has seen it and whoever asks."""
    changes = Changes(trial.log, _everybody(trial))
    yield from changes.faults()
    for told in trial.told:
        yield from changes.mislisted(told.messages)
    for guest in _guests(trial):
        for visit in guest.visits:
            yield from changes.misshown(guest.name, visit.entries, visit.head)
        if guest in trial.talkers:
            yield from changes.misremembered(guest.name, guest.seen())
    for name, view in trial.views.items():
        yield from changes.misshown(name, view)
        yield from changes.misremembered(name, view)


def _stored(trial: Trial) -> Iterable[str]:
    """All servers tell the same, and it is what the database counts."""
    if any(told.log != trial.log for told in trial.told):
        yield "servers tell different logs"
    if set(trial.row) != {len(trial.log)}:
        yield f"the log has {len(trial.log)} entries; its head, count and last are {trial.row}"


def _rights(trial: Trial) -> Iterable[str]:
    """Between two entries about somebody they do what the first of them allows, and no more."""
    writers = {trial.creator}
    for entry in trial.log:
        if entry["type"] == "member":
            (writers.add if entry["role"] in WRITERS else writers.discard)(entry["user"]["id"])
        elif entry["by"]["id"] not in writers:
            yield f"{entry.get('ref')} is stored as {entry['seq']}, by somebody who may not write"


def _ended_rights(trial: Trial) -> Iterable[str]:
    stored = {entry.get("ref") for entry in trial.log}
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
    stored = {entry.get("ref") for entry in trial.log}
    for talker in trial.talkers:
        if missing := [sent.ref for sent in talker.unanswered()]:
            yield f"{talker.name} was never answered to {missing[:3]}"
        for ref in talker.sent.keys() - stored - talker.too_late:
            if not talker.acts_without_ref(ref):
                yield f"{ref} is not stored"
        if isinstance(talker, Guest) and talker.cursor != len(trial.log):
            yield f"{talker.name} has seen entries up to {talker.cursor}, of {len(trial.log)}"
    for name, view in trial.views.items():
        if len(view) != len(trial.log):
            yield f"{name} has seen {len(view)} entries, of {len(trial.log)}"
