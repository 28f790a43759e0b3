"""Gets a newer token before the one in use ends."""

import asyncio
import time
from collections.abc import Callable

from itemroom.core.errors import Refused
from itemroom.credentials import Credentials


class Renewal:
    """Asks for a token in the background, once at a time.

    Args:
        renewed: called with the token.
        failed: called with why there is none; the old one goes on until its end.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        renewed: Callable[[str], None],
        failed: Callable[[Refused], None],
    ) -> None:
        self._credentials = credentials
        self._renewed = renewed
        self._failed = failed
        self._task: asyncio.Task[None] | None = None
        self._asked_at: float | None = None

    def begin(self, seconds_left: float) -> None:
        """The token ends in so many seconds."""
        if self._credentials.can_renew and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._ask(seconds_left))

    async def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _ask(self, seconds_left: float) -> None:
        # The server warns again at once of a token that lives shorter than its notice: asking at
        # once each time would never end.
        is_again = self._asked_at is not None and time.monotonic() < self._asked_at + seconds_left
        await asyncio.sleep(seconds_left / 2 if is_again else 0)
        self._asked_at = time.monotonic()
        try:
            token = await self._credentials.renew()
        except Refused as refused:
            self._failed(refused)
            return
        if token is not None:
            self._renewed(token)
