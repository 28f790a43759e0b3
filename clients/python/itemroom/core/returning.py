"""Whether to come back after a connection has ended, and when."""

from itemroom.core.backoff import Backoff
from itemroom.core.errors import Refused


class Returning:
    """What earlier ends say about the next attempt.

    Args:
        can_renew: whether there is a newer credential to be had.
    """

    def __init__(self, *, can_renew: bool) -> None:
        self._can_renew = can_renew
        self._backoff = Backoff()
        # Of a server whose replay has holes: a welcome of it is not yet a success.
        self._distrust = Backoff()
        self._has_renewed = False  # Since a credential was refused, and without a welcome.

    def welcomed(self) -> None:
        """The server has let us in."""
        self._has_renewed = False
        self._backoff.reset()

    def trusted(self) -> None:
        """An entry came in its place."""
        self._distrust.reset()

    def after(self, refused: Refused) -> float:
        """Seconds until the next attempt.

        Raises:
            Refused: there is no sense in one.
        """
        if refused.retry == "after_auth" and self._can_renew and not self._has_renewed:
            self._has_renewed = True
        elif refused.retry != "later":
            raise refused
        backoff = self._distrust if refused.code == "hole" else self._backoff
        return (refused.retry_after or 0.0) + backoff.next()
