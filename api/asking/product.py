"""The product's own program, asked signed questions: bounded in number and in time."""

import asyncio
import logging
import time
from collections.abc import Collection
from typing import Any
from uuid import uuid4

import orjson

from ..metrics import Metrics
from ..outgoing.posting import Poster, Unanswered
from ..outgoing.signing import signed

TIMEOUT = 2.0  # Seconds for an answer: a handshake, or somebody's message, waits for it.
MAX_ANSWER_BYTES = 256 * 1024  # More than the largest body, however it is written.
IN_FLIGHT = 64  # Questions at once.
WAITING = 1024  # And those that wait for one of these to end; what comes beyond is refused.

logger = logging.getLogger("itemroom.asking")


class Said:
    """An answer: yes with what belongs to it, or no.

    Attributes:
        yes: whether its status was 200 or 204.
        status: one that was expected.
        value: the JSON object of its body; empty when there is none.
    """

    __slots__ = ("status", "value", "yes")

    def __init__(self, status: int, value: dict[str, Any]) -> None:
        self.status = status
        self.value = value
        self.yes = status in (200, 204)


class Product:
    """Whom questions are put to. `close()` it at the end.

    Args:
        secret: signs them, as a webhook's.
        metrics: are told what came of each.
    """

    def __init__(self, secret: str, metrics: Metrics) -> None:
        # Where these go is a setting of the operator's: often the machine next door.
        self._poster = Poster(
            private=True,
            timeout=TIMEOUT,
            max_answer_bytes=MAX_ANSWER_BYTES,
            connections=IN_FLIGHT,
        )
        self._secret = secret
        self._metrics = metrics
        self._turn = asyncio.Semaphore(IN_FLIGHT)
        self._count = 0  # Questions that are asked or wait.

    async def ask(self, name: str, url: str, question: object, noes: Collection[int]) -> Said:
        """The answer to a question. Cancelling is safe.

        Args:
            name: of the kind of question, for logs and metrics.
            url: of the program that answers it.
            question: sent as JSON.
            noes: statuses by which it says no.

        Raises:
            Unanswered: why there is none that counts.
        """
        began = time.monotonic()
        outcome = "failed"
        try:
            said = await self._ask(url, orjson.dumps(question), noes)
            outcome = "yes" if said.yes else "no"
        except Unanswered as why:
            logger.warning("the product was asked to %s and has not answered: %s", name, why)
            raise
        finally:
            self._metrics.asked(name, outcome, time.monotonic() - began)
        return said

    async def close(self) -> None:
        """Ask nothing more."""
        await self._poster.close()

    async def _ask(self, url: str, body: bytes, noes: Collection[int]) -> Said:
        if self._count >= IN_FLIGHT + WAITING:
            raise Unanswered("Too many questions wait for their answers.")
        self._count += 1
        try:
            async with asyncio.timeout(TIMEOUT), self._turn:
                headers = signed(self._secret, f"ask_{uuid4().hex}", int(time.time()), body)
                answer = await self._poster.post(url, body, headers)
        except TimeoutError as error:
            raise Unanswered(f"No answer within {TIMEOUT:g} s.") from error
        finally:
            self._count -= 1
        if answer.status not in (200, 204, *noes):
            raise Unanswered(f"The answer has status {answer.status}.")
        return Said(answer.status, _read(answer.body))


def _read(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise Unanswered("The answer is no JSON.") from error
    if not isinstance(value, dict):
        raise Unanswered("The answer is no JSON object.")
    return value
