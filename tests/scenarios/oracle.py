"""Judges a run: what clients sent, were told and saw, against the log that is left."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Body = object


@dataclass(frozen=True)
class Sent:
    """One message of an author. `seq`: what its ack told; None: it was never answered.

    `begun` and `done` are seconds of one clock, of the first attempt and the first ack.
    """

    ref: str
    body: Body
    seq: int | None
    begun: float
    done: float = float("inf")


@dataclass
class Run:
    """All that happened. `log`: seq to body, of every entry; bodies of others are None."""

    log: Sequence[tuple[int, str | None, Body]]
    """Seq, ref and body of every entry, as the server has them afterwards."""
    sent: Sequence[Sent] = ()
    seen: Mapping[str, Sequence[tuple[int, Body]]] = field(default_factory=dict)
    """Client to what it received, over all its connections, in the order of receipt."""


def faults(run: Run) -> list[str]:
    """Everything that breaks a promise; empty: the run was right."""
    return [*_log(run), *_acks(run), *_order(run), *_receipts(run)]


def _log(run: Run) -> Iterable[str]:
    seqs = [seq for seq, _, _ in run.log]
    if seqs != list(range(1, len(seqs) + 1)):
        yield "the log is not 1, 2, 3 …"
    refs = Counter(ref for _, ref, _ in run.log if ref is not None)
    yield from (f"{ref} is stored {count} times" for ref, count in refs.items() if count > 1)


def _acks(run: Run) -> Iterable[str]:
    stored = {ref: (seq, body) for seq, ref, body in run.log}
    for sent in run.sent:
        if sent.seq is not None and stored.get(sent.ref) != (sent.seq, sent.body):
            yield f"{sent.ref} was acked as {sent.seq}, the log has {stored.get(sent.ref)}"


def _order(run: Run) -> Iterable[str]:
    """What was acked before something else began has the smaller seq."""
    acked = [sent for sent in run.sent if sent.seq is not None]
    highest = 0
    by_end = sorted(acked, key=lambda sent: sent.done)
    ended = 0
    for sent in sorted(acked, key=lambda sent: sent.begun):
        while by_end[ended].done < sent.begun:
            highest = max(highest, by_end[ended].seq or 0)
            ended += 1
        if (sent.seq or 0) < highest:
            yield f"{sent.ref} began after {highest} was acked, and came before it"


def _receipts(run: Run) -> Iterable[str]:
    stored = {seq: body for seq, _, body in run.log}
    for client, seen in run.seen.items():
        seqs = [seq for seq, _ in seen]
        if seqs != list(range(seqs[0], seqs[0] + len(seqs)) if seqs else []):
            yield f"{client} did not see each entry once and in order"
        if any(stored.get(seq) != body for seq, body in seen):
            yield f"{client} saw what the log does not have"
