"""What a client shows to be let in."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypedDict, cast

from itemroom.core.errors import Refused


class AToken(TypedDict):
    """For as many connections as it lives."""

    token: str


class ATicket(TypedDict):
    """For one connection."""

    ticket: str


# One or the other: a type checker refuses both.
GetToken = Callable[[], Awaitable[str | AToken | ATicket]]


class Shown(NamedTuple):
    """A credential, where the handshake has it."""

    headers: dict[str, str]
    query: dict[str, str]


class Credentials:
    """At most one of a token, a ticket, and a function that gets one afresh.

    A token goes into a header, so that no proxy's log has it.
    """

    def __init__(self, token: str | None, ticket: str | None, get_token: GetToken | None) -> None:
        if sum(one is not None for one in (token, ticket, get_token)) > 1:
            raise ValueError("give one of token, ticket and get_token")
        self._fixed = {"ticket": ticket} if ticket is not None else {"token": token}
        self._get = get_token

    @property
    def can_renew(self) -> bool:
        """Whether there is a newer one to be had."""
        return self._get is not None

    async def show(self) -> Shown:
        """The credential for the next connection.

        Raises:
            Refused: there is none to be had now.
        """
        found = await self._ask(self._get) if self._get is not None else self._fixed
        token, ticket = found.get("token"), found.get("ticket")
        if ticket is not None:
            return Shown({}, {"ticket": ticket})
        return Shown({} if token is None else {"Authorization": f"Bearer {token}"}, {})

    async def renew(self) -> str | None:
        """A newer token for an open connection; None: there are only tickets, or none.

        Raises:
            Refused: there is none to be had now.
        """
        return (await self._ask(self._get)).get("token") if self._get is not None else None

    async def _ask(self, get: GetToken) -> Mapping[str, str | None]:
        try:
            found = await get()
        except Refused:
            raise  # Its own verdict says whether to try again.
        except Exception as error:
            sentence = f"get_token failed: {error!r}"
            raise Refused("no_token", sentence, retry="later") from error
        return {"token": found} if isinstance(found, str) else cast(Mapping[str, str], found)
