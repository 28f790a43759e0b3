"""One's own messages in the making: text from its giving until it is on disk. No input or output.

Of each message one addition is under way at a time: what comes meanwhile goes with the next one,
and an answer, which has no ref, can only belong to that.
"""

from collections.abc import Iterable

from itemroom.core.bodies import texts_in
from itemroom.core.entries import Event, Fields
from itemroom.core.errors import Refused
from itemroom.core.outbox import PASSING_WAIT, encode, is_passing

# Bytes of a frame that are not its text, and those that a code point can become in JSON.
_FRAME = 160
_ESCAPED = 6
# Code points of one addition at most: far below what a server takes of a frame, or of a second.
MAX_PIECE = 8192


class Growth:
    """What is to be added to one message, and how far that is stored.

    Args:
        target: the message.
        body: as it was begun with.
    """

    def __init__(self, target: int, body: object) -> None:
        self.target = target
        self.lengths: dict[int | None, int] = {
            part: len(text) for part, text in texts_in(body).items()
        }
        """Code points of each part that are known to be on disk; None: of the body itself."""
        self.is_stopped = False
        self.fault: Refused | None = None  # Nothing more will be stored.
        self._pieces: list[tuple[int | None, str]] = []  # From `lengths` on, in order.
        self._out = 0  # Code points of the first piece that are under way.
        self._same: int | None = None  # Up to here somebody stored something: is it the same?
        self._resumes_at = float("-inf")

    @property
    def waiting(self) -> int:
        """Code points that are not on disk yet, as far as is known."""
        return sum(len(text) for _, text in self._pieces)

    @property
    def is_awaiting(self) -> bool:
        """Whether an addition is under way."""
        return self._out > 0

    def add(self, text: str, part: int | None) -> None:
        """More text.

        Raises:
            ValueError: it holds what no server takes; LookupError: the message has no such part.
        """
        text.encode()  # Half a character is no text.
        if "\0" in text:
            raise ValueError("Text must not contain U+0000.")
        if part not in self.lengths:
            raise LookupError(f"the message has no part {part} with a text")
        if self._pieces and self._pieces[-1][0] == part:
            text = self._pieces.pop()[1] + text
        if text:
            self._pieces.append((part, text))

    def due(self, now: float, most: int) -> tuple[str | None, float | None]:
        """A frame to send now, or the seconds until there is one; `most` code points."""
        if self._out or not self._pieces or self.fault is not None:
            return None, None
        if now < self._resumes_at:
            return None, self._resumes_at - now
        part, text = self._pieces[0]
        at = self.lengths[part]
        if self._same is not None:
            most = min(most, self._same - at)
        self._out = min(most, len(text))
        named = {} if part is None else {"part": part}
        return encode(
            {"type": "append", "target": self.target, **named, "at": at, "text": text[: self._out]}
        ), None

    def dropped(self) -> None:
        """The connection is no more: what has no answer is sent again."""
        self._out, self._resumes_at = 0, float("-inf")

    def stored(self, frame: Fields) -> None:
        """What was under way is on disk, now or before."""
        self.is_stopped = self.is_stopped or frame.get("stopped", False)
        if not self._out:
            return
        part, text = self._pieces[0]
        self.lengths[part] += self._out
        self._pieces[:1] = [(part, text[self._out :])] if self._out < len(text) else []
        self._out, self._same = 0, None

    def refused(self, refused: Refused, now: float) -> None:
        """What was under way is not stored."""
        sent, self._out = self._out, 0
        if is_passing(refused):
            wait = PASSING_WAIT if refused.retry_after is None else refused.retry_after
            self._resumes_at = now + wait
        elif refused.code != "bad_offset" or not self._goes_on(refused.length, sent):
            self.fault = refused

    def _goes_on(self, length: int | None, sent: int) -> bool:
        """Whether the text can go on, although its end is elsewhere.

        A part of what was sent may be there, by an answer that was lost. Only the server can say
        whether it is the same: so that much is sent by itself, to be called a duplicate.
        """
        if length is None or not sent or self._same is not None:
            return False
        begin = self.lengths[self._pieces[0][0]]
        if begin < length < begin + sent:
            self._same = length
        return begin <= length < begin + sent


class Growths:
    """All of one client's, across its connections."""

    def __init__(self) -> None:
        self._growths: dict[int, Growth] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be stored."""
        return not any(one.waiting and one.fault is None for one in self._growths.values())

    @property
    def is_awaiting(self) -> bool:
        """Whether something was sent that has no answer yet."""
        return any(one.is_awaiting for one in self._growths.values())

    def begin(self, growth: Growth) -> None:
        """One more."""
        self._growths[growth.target] = growth

    def end(self, growth: Growth) -> None:
        """It does not grow any more."""
        if self._growths.get(growth.target) is growth:
            del self._growths[growth.target]

    def dropped(self) -> None:
        """The connection is no more."""
        for growth in self._growths.values():
            growth.dropped()

    def due(self, now: float, frame_bytes: int) -> tuple[list[str], float | None]:
        """Frames to send now, and the seconds until more are due."""
        most = max(1, min(MAX_PIECE, (frame_bytes - _FRAME) // _ESCAPED))
        found = [growth.due(now, most) for growth in self._growths.values()]
        waits: Iterable[float] = (wait for _, wait in found if wait is not None)
        return [text for text, _ in found if text is not None], min(waits, default=None)

    def stored(self, frame: Fields) -> list[Event]:
        """The server's `appended`."""
        growth = self._growths.get(frame["target"])
        if growth is None:
            return []
        growth.stored(frame)
        return [Event("growth", growth)]

    def refused(self, refused: Refused, target: int, now: float) -> list[Event]:
        """The server's `error` to an addition."""
        growth = self._growths.get(target)
        if growth is None:
            return []
        growth.refused(refused, now)
        return [Event("growth", growth)]

    def stop(self, target: int) -> list[Event]:
        """Somebody wants a message to end."""
        growth = self._growths.get(target)
        if growth is None:
            return []
        growth.is_stopped = True
        return [Event("growth", growth)]
