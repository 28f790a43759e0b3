"""A producer of text as a process of its own, which may be killed: see `test_torture.py`.

Started again with the same seed it says the same, and goes on with its message.
"""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator

from itemroom import Room

RATE = 100  # Tokens a second.
# Of which many are half of what a reader sees as one.
_LETTERS = (
    "e\u0301o\u0308a \U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1e9\U0001f1ea\n"
)


def tokens(seed: int, count: int) -> list[str]:
    """What a model says."""
    dice = random.Random(seed)
    return ["".join(dice.choices(_LETTERS, k=dice.randint(1, 5))) for _ in range(count)]


async def paced(said: list[str], began: float) -> AsyncIterator[str]:
    """Each at its time; those whose time is over at once."""
    for number, token in enumerate(said):
        await asyncio.sleep(max(0.0, began + number / RATE - time.time()))
        yield token


async def main(url: str, token: str, seed: str, count: str, began: str) -> None:
    """Stream them, and print how much of it is known to be stored."""
    async with (
        Room(url, item="order-17", token=token, buffer=0) as room,
        room.stream({"text": ""}, ref="the-message") as stream,
    ):
        print("seq", stream.seq, flush=True)
        async for text in paced(tokens(int(seed), int(count)), float(began)):
            await stream.append(text)
            print(stream.length, flush=True)
        await stream.flush()
        print(stream.length, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
