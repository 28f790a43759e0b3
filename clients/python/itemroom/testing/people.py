"""Users of a server that is there for a test."""

from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from itemroom.answers import Stored
from itemroom.core.paths import item_segment
from itemroom.rest import Client
from itemroom.testing.rooms import PATIENCE, Joined


class Person:
    """A user, with a token that ends when the test has long ended.

    Attributes:
        username: by which calls name them.
        id: by which entries name them.
        token: for whatever the application shows: a header, a `Room`, a browser.
        client: all calls of the server, as them.
    """

    def __init__(self, url: str, username: str, user_id: str, token: str) -> None:
        self._url = url
        self.username = username
        self.id = user_id
        self.token = token
        self.client = Client(url, token=token)

    def join(self, item: str, *, patience: float = PATIENCE, **query: Any) -> Joined:
        """A socket in an item's room; `query` is of its address, such as `after`.

        Raises:
            AssertionError: they were not let in; with the reason.
        """
        shown = urlencode({name: value for name, value in query.items() if value is not None})
        url = f"{self._url.replace('http', 'ws', 1)}/items/{item_segment(item)}/ws?{shown}"
        headers = {"Authorization": f"Bearer {self.token}"}
        with ExitStack() as stack:
            try:
                # The system's proxy has no business between a test and its own machine.
                opening = connect(url, additional_headers=headers, proxy=None)
                socket = stack.enter_context(opening)
            except InvalidStatus as denied:
                raise AssertionError(f"not let in: {denied.response.body.decode()}") from denied
            room = Joined(socket, patience=patience)
            stack.pop_all()  # From here on it is the room that closes the socket.
            return room

    def publish(self, item: str, body: object) -> Stored:
        """Say something without being there; raises Refused."""
        return self.client.publish(item, body)

    def close(self) -> None:
        """Let go of the connections of `client`."""
        self.client.close()
