"""A message in the making: begun, added to, stopped, finished. Commands of the writer.

It is one message with one seq from its first moment. What is added is no entry and has no seq: it
is kept beside the log, its end in a row of its own and the rest in pieces, and joined into the
message's own row when it is finished. So a finished message is stored once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import Connection

from ..errors import Refusal
from ..rights.access import Access
from . import mentions, rows, stream_rows
from .drafts import MAIN, Draft, Grown
from .entries import Author, Kind, digest
from .events import TextAdded
from .messages import Change, Stored, find_author_key
from .tail import Text, grown
from .transaction import Transaction

State = Literal["done", "failed", "stopped", "interrupted"]
MAX_OPEN = 16  # Messages in the making in one item: whoever comes in is given all of them.


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Change):
    """A message that is going to grow. `body` is JSON with a text in it."""

    body: bytes

    def apply(self, transaction: Transaction) -> Stored:
        """Store it; needs writer."""
        self.authorize(transaction)
        mark = digest(Kind.MESSAGE, None, self.body)
        if repeated := self._repeated(transaction, mark):
            return repeated
        lengths = Draft(self.body).lengths
        item_key = self.access.item_key
        ((count,),) = stream_rows.count_streams.fetch(transaction.connection, item_key)
        if count >= MAX_OPEN:
            raise Refusal("busy", f"{MAX_OPEN} messages are in the making here.", retry_after=5)
        stored = self._append(transaction, Kind.MESSAGE, mark, body=self.body, lengths=lengths)
        stream_rows.add_stream.run(
            transaction.connection,
            item_key,
            stored.seq,
            self.access.principal.user_key,
            stream_rows.packed(lengths),
            transaction.now_ms,
        )
        return stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Append(Change):
    """More text, by the message's author.

    Attributes:
        target: the message.
        part: which of its texts; `MAIN` for its own.
        at: where it goes, in code points: where the text ends, or nothing is stored.
        text: what is added.
        max_bytes: of all that is added to a message.
    """

    target: int
    part: int = MAIN
    at: int
    text: str
    max_bytes: int

    def apply(self, transaction: Transaction) -> Grown:
        """Store it.

        Raises:
            Refusal: `bad_offset` with the present length, `stream_closed`, `not_found`, `forbidden`
                for whoever is not its author, `too_big`.
        """
        self.authorize(transaction)
        stream = _open(transaction, self.access, self.target)
        stream.require_author(self.access)
        length = stream.lengths.get(self.part)
        if length is None:
            raise Refusal("bad_message", "The message has no such part with a text.")
        text = self.text if self.at == length else self._fresh(transaction.connection, length)
        stopped = stream.stop_seq is not None
        if not text:
            return Grown(length, stopped, duplicate=True)
        self._add(transaction, stream, length, text)
        return Grown(length + len(text), stopped)

    def _add(self, transaction: Transaction, stream: "Open", at: int, text: str) -> None:
        added = text.encode()
        size = stream.size + len(added)
        if size > self.max_bytes:
            raise Refusal("too_big", f"A stream has at most {self.max_bytes} bytes.")
        lengths = stream_rows.packed({**stream.lengths, self.part: at + len(text)})
        place = self.access.item_key, self.target
        connection = transaction.connection
        tail, pieces = grown(stream.tail, Text(self.part, at, added))
        end = (None, None, None) if tail is None else (tail.part, tail.at, tail.text)
        stream_rows.grow_stream.run(
            connection, lengths, size, transaction.now_ms, end[0], end[1], end[2], *place
        )
        for piece in pieces:
            stream_rows.add_piece.run(connection, *place, piece.part, piece.at, piece.text)
        transaction.emit(TextAdded(*place, self.part, at, text))

    def _fresh(self, connection: Connection, length: int) -> str:
        """What goes on behind the end, of text whose beginning is there already.

        Whoever was cut off says again what was not acknowledged, and goes on in the same breath.
        """
        draft = stream_rows.read_draft(connection, self.access.item_key, self.target)
        known = draft.rest(self.part, self.at)
        if self.at < length and (self.text.startswith(known) or known.startswith(self.text)):
            return self.text[len(known) :]
        raise Refusal("bad_offset", f"The text has {length} characters.", length=length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(Change):
    """The message is complete. `body` replaces it once more; None: as it has grown."""

    target: int
    state: State = "done"
    error: bytes | None = None
    """JSON, as the body: what cannot be stored is refused before it comes to the writer."""
    body: bytes | None = None

    def apply(self, transaction: Transaction) -> Stored:
        """Store it; by its author."""
        self.authorize(transaction)
        said = b" ".join((self.state.encode(), self.error or b"", self.body or b""))
        mark = digest(Kind.FINISH, self.target, said)
        if repeated := self._repeated(transaction, mark):
            return repeated
        _open(transaction, self.access, self.target).require_author(self.access)
        end = End(self.state, self.error, self.body)
        stored, told = end.join(transaction, self.access.item_key, self.target)
        return self._append(
            transaction, Kind.FINISH, mark, target=self.target, body=stored, told=told
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Change):
    """A wish that the author ends it; by any writer. Once: a second one is the first."""

    target: int

    def apply(self, transaction: Transaction) -> Stored:
        """Store it, and tell it to the author, wherever they are."""
        self.authorize(transaction)
        mark = digest(Kind.STOP, self.target, None)
        if repeated := self._repeated(transaction, mark):
            return repeated
        stream = _open(transaction, self.access, self.target)
        if stream.stop_seq is not None:
            return Stored(stream.stop_seq, stream.touched_at, duplicate=True)
        stored = self._append(transaction, Kind.STOP, mark, target=self.target)
        place = self.access.item_key, self.target
        stream_rows.stop_stream.run(transaction.connection, stored.seq, *place)
        return stored


@dataclass(frozen=True, slots=True)
class End:
    """How a message in the making ends."""

    state: State
    error: bytes | None = None
    """JSON, as the body: what cannot be stored is refused before it comes to the writer."""
    body: bytes | None = None

    def join(self, transaction: Transaction, item_key: int, target: int) -> tuple[bytes, bytes]:
        """Put all that came into the message itself: what its entry stores, and what it tells.

        The text is in the message alone: who reads the entry later is told the message's body.
        """
        connection = transaction.connection
        body = self.body or stream_rows.read_draft(connection, item_key, target).json()
        transaction.settle(item_key)
        stream_rows.finish_message.run(connection, body, item_key, target)
        if self.body is not None:
            # Whom it names is said by its beginning, or by a body in the place of that.
            ((author_key, _),) = rows.find_message.fetch(connection, item_key, target)
            mentions.replace(connection, item_key, target, author_key, body)
        stream_rows.remove_pieces.run(connection, item_key, target)
        stream_rows.remove_stream.run(connection, item_key, target)
        fields: dict[str, Any] = {"state": self.state}
        if self.error is not None:
            fields["error"] = orjson.Fragment(self.error)
        return orjson.dumps(fields), orjson.dumps(fields | {"body": orjson.Fragment(body)})


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Ends what its author has left, if nobody has added to it since; a function of the writer."""

    item_key: int
    target: int
    before: int
    """Milliseconds since the epoch: what was touched later goes on."""

    def __call__(self, transaction: Transaction) -> None:
        """Store it as the author's own entry."""
        transaction.hold_item(self.item_key)
        found = stream_rows.find_stream.fetch(transaction.connection, self.item_key, self.target)
        for author_key, _, _, touched_at, *_ in found:
            if touched_at >= self.before:
                continue
            stored, told = End("interrupted").join(transaction, self.item_key, self.target)
            ((public_id, name),) = rows.find_author_name.fetch(transaction.connection, author_key)
            transaction.append(
                self.item_key,
                Kind.FINISH,
                Author(author_key, public_id, name),
                body=stored,
                target=self.target,
                told=told,
            )


@dataclass(frozen=True, slots=True)
class Open:
    """What the database says of a message in the making."""

    author_key: int
    lengths: Mapping[int, int]
    size: int
    touched_at: int
    stop_seq: int | None
    tail: Text | None

    def require_author(self, access: Access) -> None:
        """Raise Refusal `forbidden` for anybody else."""
        if access.principal.user_key != self.author_key:
            raise Refusal("forbidden", "Only its author adds to a message.")


def _open(transaction: Transaction, access: Access, target: int) -> Open:
    """A message in the making; raises Refusal `stream_closed` or `not_found`."""
    found = stream_rows.find_stream.fetch(transaction.connection, access.item_key, target)
    for author_key, lengths, size, touched_at, stop_seq, part, at, text in found:
        known = stream_rows.unpacked(lengths)
        tail = None if part is None or at is None or text is None else Text(part, at, text)
        return Open(author_key, known, size, touched_at, stop_seq, tail)
    find_author_key(transaction, access, target)
    raise Refusal("stream_closed")
