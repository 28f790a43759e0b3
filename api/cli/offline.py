"""An operator on a database that nobody serves: the same functions as the server's, without it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TypeVar

from ..accounts import users
from ..accounts.keys import KeyRequest, create_key, revoke_key, rotate_key
from ..accounts.tokens import TokenRequest
from ..app import make_passwords, make_tokens
from ..history.transaction import Memory, Transaction
from ..operators import service
from ..rights.access import Role
from ..security import new_key
from ..settings import Settings
from ..store.store import Store
from ..webhooks import hooks
from ..webhooks.courier import make_poster
from ..webhooks.hooks import Change, Wish
from ..webhooks.sending import send_test

T = TypeVar("T")


@contextmanager
def offline(settings: Settings, store: Store) -> Iterator["Offline"]:
    """An operator on the database itself, which is open; closed after the block."""
    with closing(store):
        store.prepare()
        yield Offline(settings, store)


class Offline:
    """Acts on the database itself."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def create_user(
        self, username: str, password: str | None, name: str | None, *, admin: bool = False
    ) -> None:
        """Hash the password first: the transaction is not kept open for it."""
        password_hash = self._hash(password or service.unguessable_password())
        self._run(
            lambda transaction: users.create_user(
                transaction, username=username, password_hash=password_hash, name=name, admin=admin
            )
        )

    def disable_user(self, username: str) -> None:
        """End the user's sessions and tokens too, in the same transaction."""
        self._run(lambda transaction: users.disable_user(transaction, username))

    def enable_user(self, username: str) -> None:
        """Let a disabled user sign in again; what has ended stays ended."""
        self._run(lambda transaction: users.enable_user(transaction, username))

    def set_admin(self, username: str, *, admin: bool) -> None:
        """Change the right where the next server will read it."""
        self._run(lambda transaction: users.set_admin(transaction, username, admin=admin))

    def set_password(self, username: str, password: str) -> None:
        """Store the hash, and end the user's sessions and access tokens."""
        password_hash = self._hash(password)
        self._run(
            lambda transaction: service.replace_password(
                transaction, username=username, password_hash=password_hash
            )
        )

    def create_token(self, username: str, name: str, items: Mapping[str, Role], ttl: int) -> str:
        """Sign a token with the server's secret, which lies beside the database."""
        tokens = make_tokens(self._settings)
        wish = TokenRequest(name, items, ttl)
        issued = self._run(
            lambda transaction: service.issue_api_token(
                transaction, tokens=tokens, username=username, wish=wish
            )
        )
        return issued.token

    def create_key(self, wish: KeyRequest) -> str:
        """Store its fingerprint."""
        secret = new_key()
        self._run(lambda transaction: create_key(transaction, wish, secret))
        return secret

    def rotate_key(self, name: str, grace: int) -> str:
        """Store another fingerprint, and end the former."""
        secret = new_key()
        self._run(lambda transaction: rotate_key(transaction, name, secret, grace))
        return secret

    def revoke_key(self, name: str) -> None:
        """End it where the next server will read it."""
        self._run(lambda transaction: revoke_key(transaction, name))

    def create_webhook(self, wish: Wish) -> str:
        """Store it; the next server delivers."""
        return self._run(lambda transaction: hooks.create_webhook(transaction, None, wish)).id

    def change_webhook(self, webhook_id: str, change: Change) -> None:
        """Change it where the next server will read it."""
        self._run(lambda transaction: hooks.change_webhook(transaction, None, webhook_id, change))

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete it, and its cursors."""
        self._run(lambda transaction: hooks.delete_webhook(transaction, None, webhook_id))

    def test_webhook(self, webhook_id: str) -> str | None:
        """Call the receiver from this process."""
        found = self._run(
            lambda transaction: hooks.find_webhook(transaction.connection, None, webhook_id)
        )
        return asyncio.run(self._test(hooks.hook_of(found)))

    async def _test(self, hook: hooks.Hook) -> str | None:
        poster = make_poster(private=self._settings.outgoing_private)
        try:
            return (await send_test(poster, hook)).failure
        finally:
            await poster.close()

    def _hash(self, password: str) -> str:
        with closing(make_passwords(self._settings)) as passwords:
            return passwords.hash_now(password)

    def _run(self, act: Callable[[Transaction], T]) -> T:
        """One transaction. Nobody is connected, so its events have no listener."""
        with self._store.engine.begin() as connection:
            transaction = Transaction(connection, Memory())
            result = act(transaction)
            transaction.flush()
            return result
