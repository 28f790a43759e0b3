"""Texts that grow before a reader's eyes, piece by piece, and how long each piece took."""

import asyncio
import time
from array import array
from collections.abc import Sequence
from functools import partial

import orjson
from picows import WSFrame, WSMsgType, WSTransport

from bench.load.connections import Client, connect_all
from bench.load.dialect import Dialect, Growing

# A piece says which it is, so that a frame with several, or with the whole text, says how far the
# text is by its end.
DIGITS = 7
PIECE = f"{{:0{DIGITS}}} "
END = b' "'
# Authors who speak between two looks at the clock.
HANDFUL = 16


class Text:
    """A text that grows: when each piece was said and heard, by `time.perf_counter`."""

    def __init__(self) -> None:
        self.whole = ""
        self.said_at = array("d")
        self.heard_at = array("d")
        self.target = 0
        """Under which the peer knows it."""

    def heard(self, pieces: int) -> None:
        """So many of them are there by now."""
        now = time.perf_counter()
        self.heard_at.extend([now] * (pieces - len(self.heard_at)))

    def waits(self, first: int, end: float) -> list[float]:
        """Seconds of the pieces from `first` on; until `end`, where one was not heard."""
        heard = [*self.heard_at, *[end] * (len(self.said_at) - len(self.heard_at))]
        return [h - s for s, h in zip(self.said_at[first:], heard[first:], strict=True)]


class Speaker(Client):
    """Whoever says the text."""

    def __init__(self, dialect: Growing) -> None:
        super().__init__(dialect)
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.text: Text
        self._words = dialect

    def begin(self, text: Text) -> None:
        """Say that there will be a text."""
        self.text = text
        frame = self._words.begin(time.monotonic_ns())
        if frame is None:
            self.begun.set_result(None)
        else:
            self.transport.send(WSMsgType.TEXT, frame)

    def say(self) -> None:
        """Say the next piece."""
        text = self.text
        piece = PIECE.format(len(text.said_at))
        frame = self._words.piece(self.address.room, text.target, text.whole, piece)
        text.whole += piece
        text.said_at.append(time.perf_counter())
        self.transport.send(WSMsgType.TEXT, frame)

    def received(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """A frame of the room: perhaps the answer to the beginning."""
        if not self.begun.done() and self._words.ack in (told := frame.get_payload_as_bytes()):
            self.text.target = orjson.loads(told)["seq"]
            self.begun.set_result(None)


class Reader(Client):
    """Whoever sees it grow."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self.text = Text()

    def received(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002
        """A frame of the room: perhaps with more of the text."""
        told = frame.get_payload_as_bytes()
        end = told.rfind(END)
        if end >= DIGITS:
            self.text.heard(int(told[end - DIGITS : end]) + 1)


async def begin_texts(dialect: Growing, rooms: Sequence[int]) -> tuple[list[Speaker], list[Reader]]:
    """A text that has begun in each room, with its speaker and its reader."""
    readers = await connect_all(
        [dialect.address(room, 0) for room in rooms], partial(Reader, dialect)
    )
    speakers = await connect_all(
        [dialect.address(room, 1, publishes=True) for room in rooms], partial(Speaker, dialect)
    )
    for speaker, reader in zip(speakers, readers, strict=True):
        speaker.begin(reader.text)
    await asyncio.gather(*(speaker.begun for speaker in speakers))
    return speakers, readers


async def speak(speakers: Sequence[Speaker], rate: float, pieces: int) -> None:
    """Each says so many pieces, `rate` of them a second, all of them spread over the time."""
    begun = time.perf_counter()
    for turn in range(pieces):
        for place, speaker in enumerate(speakers):
            if place % HANDFUL == 0:
                due = begun + (turn + place / len(speakers)) / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            speaker.say()
