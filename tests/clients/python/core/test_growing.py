"""One's own text, and others', without a connection."""

import json
from typing import Any

import pytest

from itemroom import Refused
from itemroom.core.growing import Growth, Growths
from itemroom.core.texts import KEPT, Texts

GRIN = "\N{GRINNING FACE}"


def sent(growth: Growth, now: float = 0, most: int = 100) -> tuple[int, str] | None:
    """Place and text of what is due."""
    text, _ = growth.due(now, most)
    if text is None:
        return None
    frame: dict[str, Any] = json.loads(text)
    return frame["at"], frame["text"]


def idle(growths: Growths) -> bool:
    return growths.is_idle


def refuse(growth: Growth, code: str, **more: Any) -> None:
    growth.refused(Refused(code, **more), 0)


def test_what_comes_meanwhile_goes_together_behind_the_answer() -> None:
    """Places are counted in code points."""
    growth = Growth(1, {"text": "a"})
    growth.add(GRIN, None)
    assert sent(growth) == (1, GRIN)
    growth.add("b", None)
    growth.add("c", None)
    assert sent(growth) is None
    growth.stored({"length": 2})
    assert sent(growth) == (2, "bc")
    growth.stored({"length": 4, "stopped": True})
    assert (growth.lengths, growth.waiting, growth.is_stopped) == ({None: 4}, 0, True)
    growth.stored({"length": 4})
    assert growth.lengths == {None: 4}


def test_lost_answer_is_asked_for_again() -> None:
    """With all that came meanwhile; an answer that comes too late is none."""
    growth = Growth(1, "")
    growth.add("one", None)
    assert sent(growth) == (0, "one")
    growth.dropped()
    growth.add(" two", None)
    assert sent(growth, most=5) == (0, "one t")
    growth.stored({"length": 5})
    assert sent(growth) == (5, "wo")


def test_part_that_is_there_is_only_ours_if_the_server_says_so() -> None:
    """It is sent by itself, to be called a duplicate; what is another's ends it."""
    growth = Growth(1, "")
    growth.add("Hello", None)
    assert sent(growth) == (0, "Hello")
    refuse(growth, "bad_offset", length=3)
    assert sent(growth) == (0, "Hel")
    growth.stored({"length": 3, "duplicate": True})
    assert sent(growth) == (3, "lo")
    refuse(growth, "bad_offset", length=4)
    assert sent(growth) == (3, "l")
    refuse(growth, "bad_offset", length=4)
    assert growth.fault is not None
    assert sent(growth) is None


@pytest.mark.parametrize(("length", "fails"), [(None, True), (1, True), (2, False), (9, True)])
def test_end_that_is_elsewhere_ends_it(length: int | None, *, fails: bool) -> None:
    """Text that was lost, or that is not ours; unless it is where it should be by now."""
    growth = Growth(1, "ab")
    growth.add("c", None)
    assert sent(growth) == (2, "c")
    refuse(growth, "bad_offset", length=length)
    assert (growth.fault is not None) == fails
    assert (sent(growth) is None) == fails


def test_refusal_of_a_moment_is_waited_for() -> None:
    """As long as the server says; another one is final."""
    growth = Growth(1, "")
    growth.add("c", None)
    assert sent(growth) is not None
    refuse(growth, "rate_limited", retry_after=2)
    assert growth.due(0.5, 10) == (None, 1.5)
    assert sent(growth, now=2) == (0, "c")
    refuse(growth, "busy")
    assert growth.due(0.5, 10) == (None, 0.5)
    assert sent(growth, now=1) == (0, "c")
    refuse(growth, "stream_closed")
    assert sent(growth, now=9) is None


def test_parts_are_added_to_in_the_order_of_what_was_said() -> None:
    """Each where its own text ends."""
    growth = Growth(1, {"text": "", "parts": [{"text": "ab"}, 7]})
    growth.add("x", None)
    growth.add("c", 0)
    growth.add("y", None)
    growth.add("", None)
    for place in ((0, "x"), (2, "c"), (1, "y")):
        assert sent(growth) == place
        growth.stored({})
    with pytest.raises(LookupError):
        growth.add("x", 1)


def test_answers_find_their_message() -> None:
    """Or nobody."""
    growths, growth = Growths(), Growth(3, "")
    assert idle(growths)
    growths.begin(growth)
    growth.add("x" * 10, None)
    assert not idle(growths)
    texts, _ = growths.due(0, 190)
    assert json.loads(texts[0])["text"] == "x" * 5
    assert growths.is_awaiting
    assert growths.stored({"target": 4, "length": 5}) == []
    assert growths.refused(Refused("busy"), 4, 0) == []
    assert growths.stop(4) == []
    assert [one.detail for one in growths.stored({"target": 3, "length": 5})] == [growth]
    assert [one.detail for one in growths.stop(3)] == [growth]
    growths.end(Growth(3, ""))
    assert not idle(growths)
    growths.end(growth)
    assert idle(growths)


def test_text_is_what_was_shown_and_what_goes_behind_it() -> None:
    """Whatever is missing resumes; what is not known is nobody's."""
    texts = Texts()
    assert not texts.append({"target": 1, "at": 0, "text": "x"})
    texts.entry({"type": "message", "seq": 1, "open": True, "body": {"text": "", "m": 1}})
    assert texts.append({"target": 1, "at": 0, "text": GRIN})
    for at in (0, 2):
        with pytest.raises(Refused, match="hole"):
            texts.append({"target": 1, "at": at, "text": "x"})
    texts.put({"seq": 1, "body": {"text": "abc", "m": 1}})
    assert texts.append({"target": 1, "at": 3, "text": "d"})
    end = texts.entry({"type": "finish", "seq": 2, "target": 1})
    assert end["body"] == {"text": "abcd", "m": 1}
    assert 1 not in texts
    assert texts.body(1) == {"text": "abcd", "m": 1}


def test_ended_texts_are_kept_until_they_are_read() -> None:
    """And some of them a little longer."""
    texts = Texts()
    for seq in range(1, 2 * KEPT + 1):
        texts.entry({"type": "finish", "seq": seq + 100, "target": seq, "body": str(seq)})
    texts.prune(105)
    for seq in range(1, 6):
        with pytest.raises(LookupError):
            texts.body(seq)
    assert texts.body(6) == "6"
    texts.prune(1000)
    assert texts.body(KEPT + 1) == str(KEPT + 1)
    with pytest.raises(LookupError):
        texts.body(KEPT)
    texts.forget()
    with pytest.raises(LookupError):
        texts.body(KEPT + 1)
