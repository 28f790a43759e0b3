"""The judge is judged: it finds every kind of fault, and none where there is none."""

from dataclasses import replace

import pytest

from tests.scenarios.oracle import Run, Sent, faults

LOG = [(1, None, None), (2, "a", "one"), (3, "b", "two"), (4, "c", "three")]
SENT = [
    Sent("a", "one", 2, begun=0, done=1),
    Sent("b", "two", 3, begun=2, done=3),
    Sent("c", "three", None, begun=2),
]
SEEN = [(seq, body) for seq, _, body in LOG]
RIGHT = Run(LOG, SENT, {"all": SEEN, "late": SEEN[2:], "none": []})


def test_a_right_run_has_no_fault() -> None:
    """Also with a message that was stored and never acked, and clients that came late."""
    assert faults(RIGHT) == []


@pytest.mark.parametrize(
    ("run", "fault"),
    [
        (replace(RIGHT, log=[*LOG[:2], LOG[3]], sent=[]), "the log is not"),
        (replace(RIGHT, log=[*LOG, (5, "a", "one")]), "a is stored 2 times"),
        (replace(RIGHT, log=[*LOG[:3], (4, "b", "two")]), "b is stored 2 times"),
        (replace(RIGHT, sent=[Sent("lost", "x", 5, begun=0, done=1)]), "lost was acked as 5"),
        (replace(RIGHT, sent=[Sent("a", "other", 2, begun=0, done=1)]), "a was acked as 2"),
        (replace(RIGHT, sent=[Sent("a", "one", 3, begun=0, done=1)]), "a was acked as 3"),
        (
            replace(RIGHT, sent=[replace(SENT[0], begun=4, done=5), SENT[1]]),
            "a began after 3 was acked",
        ),
        (replace(RIGHT, seen={"eve": [SEEN[0], SEEN[2]]}), "eve did not see each"),
        (replace(RIGHT, seen={"eve": [SEEN[0], SEEN[0]]}), "eve did not see each"),
        (replace(RIGHT, seen={"eve": [SEEN[1], SEEN[0]]}), "eve did not see each"),
        (replace(RIGHT, seen={"eve": [(1, None), (2, "forged")]}), "eve saw what the log"),
        (replace(RIGHT, seen={"eve": [(4, "three"), (5, "four")]}), "eve saw what the log"),
    ],
)
def test_a_fault_is_found(run: Run, fault: str) -> None:
    """A hole, a double, a swapped pair, a lost ack, a forged entry."""
    assert [line for line in faults(run) if line.startswith(fault)]
