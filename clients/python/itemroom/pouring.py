"""A message in the making by REST alone."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING, TypeVar

from itemroom.core.backoff import Backoff
from itemroom.core.bodies import texts_in
from itemroom.core.errors import Refused, describe

if TYPE_CHECKING:
    from itemroom.answers import Stored
    from itemroom.core.frames import End
    from itemroom.rest import Client

T = TypeVar("T")

# Seconds for which a call is tried again.
PATIENCE = 60.0


class Pouring:
    """Puts texts into one message.

    Args:
        client: makes the calls.
        item: the item's id.
        as_: whom a service key acts for.
    """

    def __init__(self, client: "Client", item: str, as_: str | None) -> None:
        self._client = client
        self._item = item
        self._as = as_

    def run(self, texts: Iterable[str], body: object, ref: str | None) -> "Stored":
        """All of them; what `start` was answered.

        Raises:
            Refused: the server does not take it.
            Exception: of the texts.
        """
        ref = token_hex(16) if ref is None else ref
        begun = _patiently(lambda: self._client.start(self._item, body, ref=ref, as_=self._as))
        seq = begun["seq"]
        at = len(next(iter(texts_in(body).values())))
        try:
            for text in texts:
                if text and self._append(seq, at, text):
                    _close(texts)
                    self._finish(seq, "stopped")
                    return begun
                at += len(text)
        except BaseException as error:
            self._fail(seq, error)
            raise
        self._finish(seq, "done")
        return begun

    def _append(self, seq: int, at: int, text: str) -> bool:
        """Whether somebody wants it to end."""
        grown = _patiently(lambda: self._client.append(self._item, seq, at, text, as_=self._as))
        return grown.get("stopped", False)

    def _finish(self, seq: int, state: "End") -> None:
        ref = token_hex(16)
        _patiently(lambda: self._client.finish(self._item, seq, state, ref=ref, as_=self._as))

    def _fail(self, seq: int, error: BaseException) -> None:
        # What is raised is the reason; the server ends what has no author.
        with suppress(Refused):
            self._client.finish(self._item, seq, "failed", error=describe(error), as_=self._as)


def _patiently(call: Callable[[], T]) -> T:
    """The answer of a call that may be repeated."""
    backoff, until = Backoff(), time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except Refused as refused:
            wait = (refused.retry_after or 0.0) + backoff.next()
            if refused.retry != "later" or time.monotonic() + wait > until:
                raise
            time.sleep(wait)


def _close(texts: Iterable[str]) -> None:
    close = getattr(texts, "close", None)
    if close is not None:
        close()
