"""One call of a receiver, and what its answer means."""

import hashlib
import time
from dataclasses import dataclass
from typing import Literal

import orjson

from ..outgoing.posting import Poster, Unanswered
from ..outgoing.signing import signed
from ..security import new_id
from .cursors import Batch
from .hooks import Hook

# By which a receiver may say when to come back.
BUSY = frozenset({429, 503})

Outcome = Literal["delivered", "refused", "unanswered"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a call."""

    outcome: Outcome
    seconds: float
    status: int | None = None
    """None: no answer came."""
    failure: str | None = None
    """A sentence for people; None: it was delivered."""
    wait: float = 0.0
    """Seconds that the receiver wants to be left alone."""


async def send_batch(poster: Poster, hook: Hook, batch: Batch) -> Verdict:
    """Send entries; whatever becomes of it is said, not raised."""
    body = {
        "item": batch.item_id,
        "epoch": batch.epoch,
        "entries": [entry.fields() for entry in batch.entries],
    }
    return await _send(poster, hook, message_id(hook, batch), orjson.dumps(body))


async def send_test(poster: Poster, hook: Hook) -> Verdict:
    """Send what any receiver can take: no entries, of no item."""
    body = orjson.dumps({"item": "", "epoch": "", "entries": [], "test": True})
    return await _send(poster, hook, f"test_{new_id()}", body)


def message_id(hook: Hook, batch: Batch) -> str:
    """The same for the same entries of a log, whoever sends them whenever."""
    # The last is what retention takes last. A log that lost its end may have other entries under
    # these numbers before anybody knows that, and a receiver must not take them for the former.
    last = batch.entries[-1]
    told = (
        f"{hook.id} {batch.item_key} {batch.epoch} {batch.after} {batch.upto} "
        f"{last.at} {last.author.key}"
    )
    return f"msg_{hashlib.sha256(told.encode()).hexdigest()[:32]}"


async def _send(poster: Poster, hook: Hook, message: str, body: bytes) -> Verdict:
    headers = signed(hook.secret, message, int(time.time()), body)
    started = time.monotonic()
    try:
        answer = await poster.post(hook.url, body, headers)
    except Unanswered as error:
        return Verdict("unanswered", time.monotonic() - started, failure=str(error))
    seconds = time.monotonic() - started
    if 200 <= answer.status < 300:
        return Verdict("delivered", seconds, answer.status)
    wait = answer.retry_after if answer.status in BUSY else None
    return Verdict("refused", seconds, answer.status, _refusal(answer.status), wait or 0.0)


def _refusal(status: int) -> str:
    if 300 <= status < 400:
        return f"It answered {status}: redirects are not followed."
    return f"It answered {status}."
