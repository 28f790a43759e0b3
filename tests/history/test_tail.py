"""Ends of texts that grow: in their rows, then in pieces; always the text, for whoever asks."""

import random
from typing import Any

import pytest

from api.history.stream_rows import read_draft, read_grown
from api.history.streams import Append, Finish, Start
from api.history.tail import MAX_TAIL_BYTES, Text, grown
from api.rights.access import Access
from tests.stores import Store

pytestmark = pytest.mark.anyio
FULL = b"x" * MAX_TAIL_BYTES
# Of one byte and of four, and one that is put together with what stands before it.
LETTERS = ("a", "\N{GRINNING FACE}", "\N{COMBINING ACUTE ACCENT}")
BODY = b'{"text":"","parts":[{"text":""},{"kind":"call"}]}'
PARTS = (-1, 0)


@pytest.mark.parametrize(
    ("tail", "added", "left", "pieces"),
    [
        (None, b"a", Text(0, 7, b"a"), []),
        (Text(0, 3, b"1234"), b"a", Text(0, 3, b"1234a"), []),
        (Text(0, 0, FULL[:-1]), b"a", Text(0, 0, FULL[:-1] + b"a"), []),
        (Text(0, 0, FULL), b"a", None, [Text(0, 0, FULL + b"a")]),
        (Text(1, 5, b"other"), b"a", Text(0, 7, b"a"), [Text(1, 5, b"other")]),
        (None, FULL + b"a", None, [Text(0, 7, FULL + b"a")]),
    ],
    ids=["first", "goes on", "just fits", "too long", "of another part", "long by itself"],
)
def test_tail_grows_until_it_is_a_piece(
    tail: Text | None, added: bytes, left: Text | None, pieces: list[Text]
) -> None:
    """What it leaves is a text that begins where it ends."""
    assert grown(tail, Text(0, 7, added)) == (left, pieces)


async def test_text_is_whole_whenever_it_is_read(store: Store, access: Access) -> None:
    """All of it, and what came since any moment, however it is kept by then."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    seq = (await store.writer.execute(Start(access=access, body=BODY))).seq
    texts = dict.fromkeys(PARTS, "")
    known = [dict.fromkeys(PARTS, 0)]
    for _ in range(60):
        part = dice.choice((*PARTS, *PARTS[:1] * 3))
        more = "".join(dice.choices(LETTERS, k=dice.choice((1, 5, 40, 300))))
        await store.writer.execute(_more(access, seq, part, len(texts[part]), more))
        texts[part] += more
        known.append({part: len(text) for part, text in texts.items()})
        assert await _read(store, access, seq) == texts
    for lengths in known:
        told = {part: text[: lengths[part]] for part, text in texts.items()}
        for added in await store.readers.read(read_grown, access.item_key, {seq: lengths}):
            assert added.at == len(told[added.part])
            told[added.part] += added.text
        assert told == texts
    assert len(await store.rows("SELECT at FROM stream_piece")) > 10
    await store.writer.execute(Finish(access=access, target=seq))
    assert await store.rows("SELECT at FROM stream_piece") == []


async def test_tokens_are_rows_of_their_own_only_when_there_are_many(
    store: Store, access: Access
) -> None:
    """A row each would be a page each, where many texts grow at once."""
    seq = (await store.writer.execute(Start(access=access, body=b'""'))).seq
    for at in range(MAX_TAIL_BYTES):
        await store.writer.execute(_more(access, seq, -1, at, "x"))
    assert await store.rows("SELECT at FROM stream_piece") == []
    await store.writer.execute(_more(access, seq, -1, MAX_TAIL_BYTES, "x"))
    assert await store.rows("SELECT at FROM stream_piece") == [(0,)]


def _more(access: Access, seq: int, part: int, at: int, text: str) -> Append:
    return Append(access=access, target=seq, part=part, at=at, text=text, max_bytes=10**6)


async def _read(store: Store, access: Access, seq: int) -> dict[int, Any]:
    draft = await store.readers.read(read_draft, access.item_key, seq)
    return {part: draft.rest(part, 0) for part in PARTS}
