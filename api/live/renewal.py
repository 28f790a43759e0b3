"""How long a connection may stay as it came: a newer token, or a newer answer of who was asked.

The only coroutines of a connection: an issuer's keys may have to be fetched, and the product, or
the application that the server is mounted in, asked.
"""

import asyncio
import logging
import os
from collections.abc import Coroutine
from dataclasses import replace
from typing import Protocol

from ..errors import Refusal
from ..rights.access import Principal
from . import frames
from .frames import ServerFrame
from .opening import Again
from .services import Services

logger = logging.getLogger("itemroom.rooms")


class Ruled(Protocol):
    """Who was let in by somebody else's answer."""

    @property
    def principal(self) -> Principal:
        """As whom it is here."""

    def failed(self, failure_id: str) -> None:
        """Something went wrong; the log has the same id."""

    def renew(self, principal: Principal, *, is_shown: bool) -> None:
        """Go on as this; raises Refusal. `is_shown`: by a token of the client's."""

    def end(self, code: str) -> None:
        """Say why, and go."""

    def left(self, refusal: Refusal) -> None:
        """It may not be here any more."""


class Renewed(Ruled, Protocol):
    """Who goes on by a newer principal."""

    def send(self, frame: ServerFrame) -> None:
        """Say something to the client."""

    def refuse(self, refusal: Refusal, ref: str | None = None) -> None:
        """Say no to the client."""


class Renewal:
    """Watches a connection's credential and what others said of it; renews either.

    It is the holder of the credential among the `expiries`; `Asked` is that of the answer.
    """

    __slots__ = ("_asked", "_services", "_task", "again", "renewed")

    def __init__(self, renewed: Renewed, services: Services) -> None:
        self.again: Again | None = None
        """Asks once more; None: nobody was asked."""
        self.renewed = renewed
        self._services = services
        self._asked: Asked | None = None  # Once an answer is watched.
        self._task: asyncio.Task[None] | None = None  # A token that is being verified.

    def watch(self, principal: Principal) -> None:
        """From now on this credential, and this answer of the product's."""
        self._services.expiries.watch(self, principal.credential.expires_at)
        if self.again is not None:
            self._asked = self._asked or Asked(self.renewed, self.again)
            self._services.rulings.watch(self._asked, principal.asked_until)

    def forget(self) -> None:
        """Neither is watched any more."""
        self._services.expiries.forget(self)
        if self._asked is not None:
            self._services.rulings.forget(self._asked)

    def stop(self) -> None:
        """Nobody would hear what comes of it."""
        if self._task is not None:
            self._task.cancel()
        if self._asked is not None:
            self._asked.stop()

    def begin(self, token: str) -> None:
        """Go on by a newer token, once it is verified; raises Refusal `busy`."""
        if self._task is not None and not self._task.done():
            raise Refusal("busy", "An earlier token is still being verified.", retry_after=1)
        self._task = asyncio.get_running_loop().create_task(self._verify(token))

    def expires_soon(self, seconds: float) -> None:
        """The credential has so long to go."""
        self.renewed.send(frames.expiring(seconds))

    def expired(self) -> None:
        """The credential has come to its end."""
        self.renewed.end("auth_expired")

    async def _verify(self, token: str) -> None:
        async def verify() -> None:
            principal = await self._services.identify(token)
            ruling = self.renewed.principal.ruling
            self.renewed.renew(replace(principal, ruling=ruling), is_shown=True)

        try:
            await _attempt(self.renewed, verify())
        except Refusal as refusal:
            self.renewed.refuse(refusal)


class Asked:
    """Asks again of somebody who was let in by an answer, shortly before that ends."""

    __slots__ = ("_again", "_renewed", "_task")

    def __init__(self, renewed: "Ruled", again: Again) -> None:
        self._renewed = renewed
        self._again = again
        self._task: asyncio.Task[None] | None = None  # While it is asked.

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def expires_soon(self, seconds: float) -> None:  # noqa: ARG002 - as every holder is told
        """It is time to ask; what counts still counts for so many seconds."""
        self._task = asyncio.get_running_loop().create_task(self._ask())

    def expired(self) -> None:
        """Nobody has answered."""
        self._renewed.end("authorize_unavailable")

    async def _ask(self) -> None:
        async def ask() -> None:
            self._renewed.renew(await self._again(self._renewed.principal), is_shown=False)

        try:
            await _attempt(self._renewed, ask())
        except Refusal as refusal:
            # Whoever does not answer has said nothing: the former answer counts to its end.
            if refusal.verdict.retry != "later":
                self._renewed.left(refusal)


async def _attempt(renewed: "Ruled", act: Coroutine[None, None, None]) -> None:
    try:
        await act
    except Refusal:
        raise
    except Exception:
        failure_id = os.urandom(4).hex()
        logger.exception("failure %s: a credential could not be renewed", failure_id)
        renewed.failed(failure_id)
