"""Messages in the making in one room: what its members have been told of them. Pure.

Whoever is live has all that is here. Whoever comes, or was behind, is given the rest of what they
have, or the message as far as it has come.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..history.drafts import Draft
from ..history.entries import Entry, Kind
from ..history.events import TextAdded
from . import frames
from .encoding import Notice

# News that may wait for a read of what they belong to; with one more it is read again.
MAX_WAITING = 1000


class Making:
    """One message, and its text so far."""

    __slots__ = ("_shown", "draft", "entry")

    def __init__(self, entry: Entry, draft: Draft) -> None:
        self.entry = entry
        self.draft = draft
        self._shown: Notice | None = None

    def add(self, added: TextAdded) -> None:
        """More text."""
        self.draft.add(added.part, added.text)
        self._shown = None

    @property
    def shown(self) -> Notice:
        """The whole of it, made once for all who come before it grows again."""
        if self._shown is None:
            self._shown = Notice(frames.opened(self.entry, self.draft))
        return self._shown

    def after(self, lengths: dict[int, int]) -> Notice | None:
        """What somebody lacks who has so much of each part; None: nothing."""
        lacking = [part for part, length in self.draft.lengths.items() if length > lengths[part]]
        if not lacking:
            return None
        if len(lacking) > 1:
            return self.shown
        (part,) = lacking
        at = lengths[part]
        rest = TextAdded(self.entry.item_key, self.entry.seq, part, at, self.draft.rest(part, at))
        return Notice(frames.append(rest))


class Drafts:
    """Those of a room, by their seqs. Unknown until a read has said which there are."""

    __slots__ = ("_makings", "_waiting")

    def __init__(self) -> None:
        self._makings: dict[int, Making] | None = None
        self._waiting: list[Entry | TextAdded] = []  # What came while they are unknown.

    def __bool__(self) -> bool:
        """Whether there are any, as far as is known."""
        return bool(self._makings)

    @property
    def is_known(self) -> bool:
        """Whether it is known which there are."""
        return self._makings is not None

    @property
    def makings(self) -> Sequence[Making]:
        """All of them, in the order of their seqs."""
        return list((self._makings or {}).values())

    @property
    def lengths(self) -> dict[int, dict[int, int]]:
        """How much of each part is here, by seq."""
        return {seq: dict(making.draft.lengths) for seq, making in (self._makings or {}).items()}

    def learn(self, found: Iterable[Entry]) -> None:
        """What a read has found; all that was told meanwhile comes on top of it."""
        self._makings = {one.seq: _making(one) for one in found}
        waiting, self._waiting = self._waiting, []
        if len(waiting) > MAX_WAITING:
            self.forget()
            return
        for news in waiting:
            if isinstance(news, Entry):
                self.store(news)
            else:
                self.add(news)

    def forget(self) -> None:
        """Something was missed: a read has to say anew."""
        self._makings = None

    def store(self, entry: Entry) -> Entry:
        """An entry of the item: as members are told of it, who have what is here."""
        if self._makings is None:
            if len(self._waiting) <= MAX_WAITING:
                self._waiting.append(entry)
            return entry
        if entry.lengths is not None:
            self._makings.setdefault(entry.seq, _making(entry))
        elif entry.kind is Kind.DELETE:
            self._makings.pop(entry.target or 0, None)
        elif entry.kind is Kind.FINISH:
            making = self._makings.pop(entry.target or 0, None)
            if making is not None and making.draft.json() == entry.whole:
                return replace(entry, is_told=True, forms={})
        return entry

    def add(self, added: TextAdded) -> bool:
        """More text; whether it is news to members. What does not fit has to be read."""
        if self._makings is None:
            if len(self._waiting) <= MAX_WAITING:
                self._waiting.append(added)
            return False
        making = self._makings.get(added.target)
        if making is None:
            return False  # Finished by now; or not begun here, where a read will say so.
        length = making.draft.lengths.get(added.part, -1)
        if added.at == length:
            making.add(added)
            return True
        if added.at + len(added.text) > length:
            self.forget()
        return False


def _making(entry: Entry) -> Making:
    return Making(entry, Draft(entry.body or b""))
