"""How a command that writes gets to the database: through the server that holds it, or by itself.

Two processes must never write to one database, so its lock decides.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from ..accounts.keys import KeyRequest
from ..rights.access import Role
from ..settings import Settings
from ..store.failures import Held
from ..store.store import store_of
from ..webhooks.hooks import Change, Wish
from .failures import Failure
from .offline import offline
from .online import online

# Seconds: another command holds the lock for as long as it takes to hash a password.
PATIENCE = 10.0


class Operator(Protocol):
    """What a command can ask for. All raise Refusal when the answer is no."""

    def create_user(
        self, username: str, password: str | None, name: str | None, *, admin: bool = False
    ) -> None:
        """Make a user; without a password they cannot sign in yet."""

    def disable_user(self, username: str) -> None:
        """Keep a user out."""

    def enable_user(self, username: str) -> None:
        """Let a disabled user sign in again."""

    def set_admin(self, username: str, *, admin: bool) -> None:
        """Let a user see how the server does, or no longer."""

    def set_password(self, username: str, password: str) -> None:
        """Give a user another password."""

    def create_token(self, username: str, name: str, items: Mapping[str, Role], ttl: int) -> str:
        """Make an API token for a user; `ttl` in seconds. Its text."""

    def create_key(self, wish: KeyRequest) -> str:
        """Make a service key. Its text."""

    def rotate_key(self, name: str, grace: int) -> str:
        """Give a service key another text, which this is; `grace` as `accounts.keys.rotate_key`."""

    def revoke_key(self, name: str) -> None:
        """End a service key."""

    def create_webhook(self, wish: Wish) -> str:
        """Make a webhook of no key's. Its id."""

    def change_webhook(self, webhook_id: str, change: Change) -> None:
        """Pause any webhook, or let it go on."""

    def delete_webhook(self, webhook_id: str) -> None:
        """End any webhook."""

    def test_webhook(self, webhook_id: str) -> str | None:
        """Call a webhook's receiver. Why it did not take that; None: it did."""


@contextmanager
def operator(settings: Settings, *, patience: float = PATIENCE) -> Iterator[Operator]:
    """Whoever can do it: the running server, or this process as long as the block runs.

    Raises:
        Failure: another command holds the database, and goes on holding it.
    """
    store = store_of(settings)
    deadline = time.monotonic() + patience
    while True:
        try:
            store.open()
        except Held as error:
            pid, url = store.holder()
            if url is not None:
                with online(settings, url, pid) as through_server:
                    yield through_server
                return
            if time.monotonic() > deadline:
                raise Failure(str(error)) from error
            time.sleep(0.05)
        else:
            break
    with offline(settings, store) as here:
        yield here
