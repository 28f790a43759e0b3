"""Cuts a client off at everything that passes between it and the server, at every byte."""

from collections import Counter, defaultdict

from tests.clients.proxy import Fate, Piece

# What comes once on each connection is cut on some: others have to get further.
EACH = {"request": 1, "answer": 5, "welcome": 9}
TURNS = 13
# Bytes from one cut of these to the next: they are long, and a prime leaves none out for ever.
STEP = 13


class Sweep:
    """A trap for one client's proxy.

    Each piece of the kinds is cut once, when it first comes by: the first after no byte, the next
    after one, and so on; begins anew behind the last byte. Every other cut is a reset.

    Args:
        kinds: types of frames, of what both sides say.
        begin: the byte at which the heads and the welcome are cut first.
    """

    def __init__(self, *kinds: str, begin: int = 0) -> None:
        self.cuts: Counter[str] = Counter()
        self.bytes: defaultdict[str, set[int]] = defaultdict(set)
        """Where pieces of each kind were cut."""
        self._kinds, self._begin = kinds, begin
        self._met: set[tuple[str, object]] = set()

    def __call__(self, piece: Piece) -> Fate | None:
        kind, name = _what(piece)
        if kind in EACH:
            if piece.connection % TURNS != EACH[kind]:
                return None
            at = self._begin + STEP * self.cuts[kind]
        elif kind not in self._kinds or (kind, name) in self._met:
            return None
        else:
            self._met.add((kind, name))
            at = self.cuts[kind]
        at %= len(piece.raw) + 1
        self.cuts[kind] += 1
        self.bytes[kind].add(at)
        return piece.cut(at, "fin" if self.cuts.total() % 2 else "rst")


def _what(piece: Piece) -> tuple[str, object]:
    """The kind of a piece, and which of the kind it is."""
    if piece.index == 0:
        return ("request" if piece.upward else "answer"), None
    frame = piece.frame
    return str(frame.get("type")), frame.get("seq" if frame.get("type") == "message" else "ref")
