"""The server of a test, with its people and items."""

from importlib import import_module
from types import TracebackType
from typing import Any, Self

from itemroom.core.frames import Role
from itemroom.testing.people import Person


class Rooms:
    """A server in this process, on a database that is gone with it.

    Args:
        settings: single ones by their names, such as `max_body_bytes`; none is read from the
            environment, and nothing is limited that holds back strangers.

    Raises:
        ModuleNotFoundError: the server's package is not installed.
    """

    def __init__(self, **settings: Any) -> None:
        try:
            server = import_module("itemroom_server.testing")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "itemroom.testing runs the real server: install `itemroom` for the tests"
            ) from error
        self._local = server.LocalServer(**settings)
        self._people: dict[str, Person] = {}

    def __enter__(self) -> Self:
        self._local.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for person in self._people.values():
            person.close()
        self._local.close()

    @property
    def url(self) -> str:
        """Where it is: for the application that is tested."""
        return str(self._local.url)

    def user(self, username: str, name: str | None = None) -> Person:
        """Somebody with an account; the same at each call."""
        if username not in self._people:
            made = self._local.user(username, name)
            self._people[username] = Person(self.url, made.username, made.id, made.token)
        return self._people[username]

    def item(self, item: str, **members: Role) -> str:
        """A new item, by the usernames and roles of its members; its id.

        One of them has to be an admin: the first one who is makes it.

        Raises:
            ValueError: none is.
        """
        maker = next((name for name, role in members.items() if role == "admin"), None)
        if maker is None:
            raise ValueError(f"an item needs an admin: item({item!r}, ada='admin', …)")
        client = self.user(maker).client
        client.create_item(item)
        for username, role in members.items():
            self.user(username)
            if username != maker:
                client.set_member(item, username, role)
        return item

    def forward(self, seconds: float) -> None:
        """It is so much later at the server: tokens and sessions end, old entries are deleted.

        What your own program has as its clock is not touched.
        """
        self._local.forward(seconds)

    def restart(self) -> None:
        """Stop as an upgrade does, and start again at the same address with what was stored."""
        self._local.restart()

    def cut(self) -> None:
        """Lose all connections without a word, as a network does; sockets and calls alike."""
        self._local.cut()
