"""What a client shows to be let in."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypedDict, cast

from itemroom.core.acting import AS_HEADER, check_acting
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
    """A credential, where the handshake has it; headers as their bytes are in Latin-1."""

    headers: dict[str, str]
    query: dict[str, str]


class Credentials:
    """At most one of a token, a ticket, and a function that gets one afresh.

    A token goes into a header, so that no proxy's log has it.

    Args:
        as_: the username of whom it acts for, where it is a service key.
    """

    def __init__(
        self,
        token: str | None,
        ticket: str | None,
        get_token: GetToken | None,
        as_: str | None = None,
    ) -> None:
        if as_ is not None and ticket is not None:
            raise ValueError("a ticket is somebody's already: as_ is for a service key")
        self._acting = {} if as_ is None else {AS_HEADER: _latin(check_acting(as_))}
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
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        return Shown(bearer | self._acting, {})

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


def _latin(text: str) -> str:
    """What has the bytes of the text's UTF-8 when it is written into a header."""
    return text.encode().decode("latin-1")
