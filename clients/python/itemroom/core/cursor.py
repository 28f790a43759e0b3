"""Where a client is in an item's log."""

from itemroom.core.entries import Fields, Gap
from itemroom.core.errors import Refused


class Cursor:
    """The place after which the log goes on, across connections.

    Args:
        after: the seq of the last entry that is known; None: begin with the newest ones.
        epoch: the life of the log that `after` belongs to.
        tail: how many of the newest entries to begin with, where `after` cannot be used.
    """

    def __init__(
        self, after: int | None = None, epoch: str | None = None, tail: int | None = None
    ) -> None:
        self.after = after
        self.epoch = epoch
        self._tail = tail
        self.is_deaf = False
        """Entries are left where they are: the place stays, connections serve commands alone."""
        self._asked_deaf = False  # On the newest connection.

    def query(self) -> dict[str, str]:
        """What to ask for on the next connection."""
        self._asked_deaf = self.is_deaf
        if self.is_deaf:
            return {"tail": "0"}
        asked = {"after": self.after, "epoch": self.epoch, "tail": self._tail}
        return {name: str(value) for name, value in asked.items() if value is not None}

    def welcome(self, frame: Fields) -> Gap | None:
        """Begin where the server begins; a gap, if that is not where this client was."""
        if self._asked_deaf:
            if not self.is_deaf:
                raise _hole(self.after or 0, frame["after"] + 1)  # It begins elsewhere.
            return None
        asked, after = self.after, int(frame["after"])
        # Whatever it says, it leaves out entries: to the application that is the same.
        is_gap = asked is not None and (not frame["recovered"] or after > asked)
        self.epoch = frame["epoch"]
        if asked is None or is_gap:
            self.after = after
        return Gap(after, frame["oldest"], self.epoch) if is_gap else None

    def take(self, seq: int) -> bool:
        """Whether an entry is new; it is then where this client is.

        Raises:
            Refused: entries before it are missing.
        """
        if self.is_deaf:
            return False
        place = self.after or 0
        if seq > place + 1:
            raise _hole(place, seq)
        if seq <= place:
            return False
        self.after = seq
        return True

    def caught_up(self, seq: int) -> None:
        """The server says that everything up to here was given.

        Raises:
            Refused: it was not.
        """
        if seq > (self.after or 0) and not self.is_deaf:
            raise _hole(self.after or 0, seq + 1)


def _hole(place: int, seq: int) -> Refused:
    return Refused("hole", f"After entry {place} came {seq}.", retry="later")
