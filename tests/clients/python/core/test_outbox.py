import json
import random

import pytest

from itemroom import Refused
from itemroom.core.outbox import Outbox
from itemroom.core.pace import Pace

NO_LIMIT = Pace(0, 1, 0)
NESTED: list[object] = []
for _ in range(500):
    NESTED = [NESTED]


def outbox(*refs: str, in_flight: int = 100, limit: int = 1000) -> Outbox:
    box = Outbox(limit)
    for ref in refs:
        box.add("publish", ref, body=None)
    box.connected(in_flight)
    return box


def sent(box: Outbox, now: float = 0, pace: Pace = NO_LIMIT) -> str:
    """The refs of what is due, in order."""
    return "".join(json.loads(text)["ref"] for text in box.due(now, pace)[0])


def test_commands_are_sent_in_order_up_to_the_window() -> None:
    """Half of what the server lets wait; each answer makes room for one more."""
    box = outbox(*"abcdef", in_flight=6)
    assert sent(box) == "abc"
    assert sent(box) == ""
    assert box.settle("b")
    assert not box.settle("b")
    assert sent(box) == "d"
    assert sent(outbox(*"ab", in_flight=1)) == "a"


def test_unanswered_commands_are_sent_again_in_order() -> None:
    """On the next connection, before the ones that were not sent yet."""
    box = outbox(*"abcde", in_flight=8)
    assert sent(box) == "abcd"
    box.settle("c")
    box.connected(100)
    assert sent(box) == "abde"


@pytest.mark.parametrize("code", ["busy", "rate_limited", "draining"])
def test_passing_refusal_holds_back_what_comes_later(code: str) -> None:
    """So that the order is kept as far as it can be; each goes alone, until all are answered."""
    box = outbox(*"abcd", in_flight=6)
    assert sent(box) == "abc"
    for ref, wait in (("b", 2.0), ("c", 1.0)):
        assert not box.refused(Refused(code, retry_after=wait), ref, 10)
    assert box.due(11, NO_LIMIT) == ([], 1)
    assert sent(box, 12) == ""
    box.settle("a")
    assert sent(box, 12) == "b"
    assert not box.refused(Refused(code), "b", 20)
    assert box.due(20, NO_LIMIT) == ([], 1)
    assert sent(box, 21) == "b"
    for ref in "bcd":
        box.settle(ref)
    assert sent(box, 21) == ""
    for ref in "ef":
        box.add("publish", ref, body=None)
    assert sent(box, 21) == "ef"


def test_final_refusal_settles() -> None:
    """Also one of a command that was withdrawn meanwhile, which is nobody's any more."""
    box = outbox("a")
    sent(box)
    assert box.refused(Refused("forbidden"), "a", 0)
    assert not box.refused(Refused("busy"), "a", 0)
    assert not box.settle(None)


def test_withdrawn_command_is_not_sent() -> None:
    """Its ref can be used again."""
    box = outbox(*"abc")
    box.settle("a")
    box.settle("b")
    box.add("publish", "a", body=None)
    assert sent(box) == "ca"


def test_pace_holds_commands_back() -> None:
    """A burst, and then the rate: alone, for what is sent behind could be stored before it."""
    box = outbox(*"abcdefgh")
    pace = Pace(rate=2, burst=4, now=0)
    assert sent(box, 0, pace) == "abcd"
    assert box.due(0, pace) == ([], None)
    for ref in "abcd":
        box.settle(ref)
    assert box.due(0, pace)[1] == pytest.approx(0.5)
    assert sent(box, 0.5, pace) == "e"
    assert sent(box, 100, pace) == "fg"


def test_ref_that_still_waits_cannot_be_used_again() -> None:
    """Which of the two would an answer be for?"""
    with pytest.raises(Refused, match="ref_conflict"):
        outbox("a").add("publish", "a", body=1)


def test_command_that_is_given_again_is_one_command() -> None:
    """It has the same ref and the same content."""
    box = outbox("a", limit=1)
    assert box.add("publish", "a", body=None) == "a"
    assert sent(box) == "a"


def test_full_outbox_refuses() -> None:
    """Until something is settled."""
    box = outbox(*"ab", limit=2)
    with pytest.raises(Refused, match="outbox_full"):
        box.add("publish", "c", body=1)
    box.settle("a")
    assert box.add("publish", None, body=1)


@pytest.mark.parametrize("ref", ["", "x" * 65, "a\nb"])
def test_ref_that_the_server_could_not_name_is_an_error(ref: str) -> None:
    """Its refusal would have no ref, and the command would wait for ever."""
    with pytest.raises(ValueError, match="printable"):
        Outbox(1).add("publish", ref, body=1)


@pytest.mark.parametrize(
    "body", [{1, 2}, float("nan"), "\ud800", object(), "a\0", {"\0": 1}, [2**53 + 1], NESTED]
)
def test_body_that_is_not_json_is_an_error(body: object) -> None:
    """Of the caller, at once; the server could not tell which command it refuses."""
    box = outbox()
    with pytest.raises((ValueError, TypeError)):
        box.add("publish", "a", body=body)
    assert sent(box) == ""


def test_any_history_sends_each_command_until_it_is_settled() -> None:
    """Whatever is answered, refused, lost or withdrawn, in whatever order."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    box = outbox(in_flight=8)
    open_: list[str] = []
    flying: set[str] = set()
    is_wary = False
    for number in range(2000):
        match chance.randrange(5):
            case 0:
                open_.append(box.add("publish", str(number), body=None))
            case 1 if flying:
                ref = chance.choice(sorted(flying))
                flying.remove(ref)
                open_.remove(ref)
                assert box.settle(ref)
            case 2 if flying:
                ref = chance.choice(sorted(flying))
                flying.remove(ref)
                assert not box.refused(Refused("busy", retry_after=0), ref, number)
                is_wary = True
            case 3 if chance.random() < 0.1:
                flying.clear()
                is_wary = False
                box.connected(8)
            case _:
                texts, _ = box.due(number, NO_LIMIT)
                refs = [json.loads(text)["ref"] for text in texts]
                assert refs == sorted(refs, key=open_.index)
                assert flying.isdisjoint(refs)
                flying.update(refs)
                # The earliest ones fly; after one was put back, one at a time.
                is_wary = is_wary and bool(open_)
                assert len(flying) == min(4, len(open_)) or (is_wary and (flying or not open_))
