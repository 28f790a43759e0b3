"""Publishes over REST, each message once, however often it has to be sent."""

import random
import secrets
import time
from types import TracebackType
from typing import Self

import httpx2

from api.cli.failures import Failure
from api.errors import CODES, Refusal

# Seconds: what a restart or a full queue takes, several times over.
PATIENCE = 60.0
TIMEOUT = 15.0
FIRST_WAIT = 0.2
LONGEST_WAIT = 5.0


class Publisher:
    """Sends messages to one item, one after the other.

    Args:
        url: of the item's messages.
        token: shown in a header.
        patience: seconds for which a message is tried again.
    """

    def __init__(self, url: str, token: str, *, patience: float = PATIENCE) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx2.Client(headers=headers, timeout=TIMEOUT)
        self._url = url
        self._patience = patience

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def publish(self, body: str) -> int:
        """The message's seq, when it is stored.

        Raises:
            Failure: the server could not be reached for too long.
            Refusal: it does not take the message.
        """
        # The same ref each time: should an answer have been lost, the message is not stored twice.
        message = {"ref": secrets.token_urlsafe(12), "body": body}
        deadline = time.monotonic() + self._patience
        longest = FIRST_WAIT
        while True:
            try:
                return self._send(message)
            except (httpx2.TransportError, Refusal) as error:
                wait = _wait(error) + random.uniform(0, longest)  # noqa: S311 - no secret
                if time.monotonic() + wait > deadline:
                    raise _surrender(error) from error
            time.sleep(wait)
            longest = min(longest * 2, LONGEST_WAIT)

    def _send(self, message: dict[str, str]) -> int:
        response = self._client.post(self._url, json=message)
        try:
            answer = response.json()
            if response.is_success:
                seq: int = answer["seq"]
                return seq
            refusal = Refusal(
                answer["code"], answer["detail"], retry_after=answer.get("retry_after")
            )
        except (ValueError, KeyError, TypeError) as error:
            # A proxy's own page, while the server behind it restarts.
            code = "overloaded" if response.status_code >= 500 else "not_found"
            sentence = f"The answer was {response.status_code}, and not of Itemroom."
            raise Refusal(code, sentence) from error
        raise refusal


def _wait(error: Exception) -> float:
    """Seconds before the next try.

    Raises:
        Refusal: there is no sense in one.
    """
    if not isinstance(error, Refusal):
        return 0.0
    if CODES[error.code].retry != "later":
        raise error
    return error.retry_after or 0.0


def _surrender(error: Exception) -> Exception:
    if isinstance(error, Refusal):
        return error
    return Failure(f"The server cannot be reached: {str(error) or type(error).__name__}.")
