"""Everybody's messages in the making, as far as a client has been told. No input or output."""

from collections import OrderedDict
from typing import Any

from itemroom.core.bodies import texts_in, with_text
from itemroom.core.entries import Fields
from itemroom.core.errors import Refused

# Of messages that have ended: whoever reads a text may look a moment later.
KEPT = 16


class Texts:
    """Bodies that grow, by the seqs of their messages."""

    def __init__(self) -> None:
        self._bodies: dict[int, Any] = {}
        self._ended: OrderedDict[int, tuple[int, Any]] = OrderedDict()  # With the end's own seq.

    def __contains__(self, seq: object) -> bool:
        """Whether a message is known to be in the making."""
        return seq in self._bodies

    def body(self, seq: int) -> Any:
        """As it is by now; raises LookupError: no such message is known."""
        return self._bodies[seq] if seq in self._bodies else self._ended[seq][1]

    def forget(self) -> None:
        """The log is another one."""
        self._bodies.clear()
        self._ended.clear()

    def prune(self, read: int) -> None:
        """Whoever iterates has got so far: what ended before need not be kept."""
        while len(self._ended) > KEPT and next(iter(self._ended.values()))[0] <= read:
            self._ended.popitem(last=False)

    def put(self, frame: Fields) -> None:
        """A message as it stands now, in place of what is known."""
        self._bodies[frame["seq"]] = frame["body"]

    def append(self, frame: Fields) -> bool:
        """More text; whether it is of a message that is known.

        Raises:
            Refused: text before it is missing.
        """
        seq, part, at, text = frame["target"], frame.get("part"), frame["at"], frame["text"]
        if seq not in self._bodies:
            return False
        body = self._bodies[seq]
        known = texts_in(body)[part]
        if at != len(known):
            sentence = f"Message {seq} has {len(known)} characters, and more came at {at}."
            raise Refused("hole", sentence, retry="later")
        self._bodies[seq] = with_text(body, part, known + text)
        return True

    def entry(self, frame: Fields) -> Fields:
        """An entry has come: as it is for whoever was not told the text meanwhile."""
        match frame["type"]:
            case "message" if frame.get("open"):
                self.put(frame)
            case "delete":
                self._end(frame["target"], frame["seq"], None)
            case "finish":
                if "body" not in frame and frame["target"] in self._bodies:
                    frame = {**frame, "body": self._bodies[frame["target"]]}
                self._end(frame["target"], frame["seq"], frame.get("body"))
        return frame

    def _end(self, target: int, seq: int, body: Any) -> None:
        if self._bodies.pop(target, None) is not None or body is not None:
            self._ended[target] = seq, body
