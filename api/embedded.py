"""`Itemroom`: the server as a part of another application, for users whom that one knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.types import Receive, Scope, Send

from .accounts.hosted import admit_caller
from .accounts.identity import identify as look_up
from .accounts.users import load_user
from .app import create_app
from .callers import Caller, Identify, as_caller
from .errors import Refusal
from .history.bodies import encode_body
from .history.messages import Publish, Stored
from .http.problems import Problem
from .http.records import guard_records
from .items.ids import valid_item_id
from .items.members import remove_member, set_member
from .items.outside import ensure_outside_item
from .rights.access import Access, Role, grant
from .rights.standing import load_standing
from .settings import Settings
from .state import State

User = Caller | tuple[str, str | None] | str
"""A user of the application: their id, with a name or without."""
NOT_STARTED = (
    "Itemroom is mounted, but was not started: give the application its lifespan, as in "
    "FastAPI(lifespan=rooms.lifespan), or enter `async with rooms.lifespan():` in your own."
)


class Itemroom:
    """An ASGI application to be mounted in another one, and that one's way to publish.

    Args:
        settings: all of them; None: from the environment, with `options` in their place.
        identify: asked of each request and each handshake without a token who is there; without
            it, people sign in to Itemroom itself.
        name: how the application itself is called in rooms, where it says something.
        options: single settings by their names, such as `database_url`.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        identify: Identify | None = None,
        name: str = "Itemroom",
        **options: Any,
    ) -> None:
        # From here on, and not only while it runs: servers write down what came before that, too.
        guard_records()
        self.settings = settings or Settings(**options)
        self.place: str | None = None
        """Where commands of operators find it, set before it starts: whoever serves knows."""
        self.app = create_app(self.settings, identify=identify, place=lambda _: self.place)
        """The application itself: runs once its lifespan is entered."""
        self._own = Caller("itemroom", name)
        self._state: State | None = None  # While it runs.

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """Start, and stop in the end: for `FastAPI(lifespan=…)`, or to be entered in another."""
        async with self.app.router.lifespan_context(self.app):
            self._state = self.app.state.itemroom
            try:
                yield
            finally:
                self._state.drain()
                self._state = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; before the lifespan with a sentence that says what is missing."""
        if self._state is None and scope["type"] != "lifespan":
            await _not_started(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def publish(
        self, item: str, body: object, *, as_: User | None = None, ref: str | None = None
    ) -> Stored:
        """Store a message, and tell all in the item's room; made if it never was.

        Args:
            item: the item's id.
            body: any JSON value.
            as_: its author, a user of the application; None: the application itself.
            ref: a second message with the same one is not stored, and answered like the first.

        Raises:
            Refusal: with a code of docs/protocol.md, such as `item_not_found` or `too_big`.
        """
        limits = {
            "max_bytes": self.settings.max_body_bytes,
            "max_nesting": self.settings.max_nesting,
        }
        encoded = encode_body(body, **limits)
        access = await self._access(item, self._own if as_ is None else as_, Role.WRITER)
        return await self._running.writer.execute(Publish(access=access, ref=ref, body=encoded))

    async def put_member(self, item: str, user: User, role: Role | str) -> None:
        """Make a user of the application a member of an item, or give a member another role.

        Raises:
            Refusal: `last_admin`, and as `publish`.
        """
        wanted = Role(role)
        access = await self._access(item, self._own, Role.ADMIN)
        username = await self._username(user)
        put = partial(set_member, access=access, username=username, role=wanted)
        await self._running.writer.call(put)

    async def remove_member(self, item: str, user: User) -> None:
        """Take a user's membership of an item away.

        Raises:
            Refusal: `not_found` for who is no member, and as `put_member`.
        """
        access = await self._access(item, self._own, Role.ADMIN)
        username = await self._username(user)
        await self._running.writer.call(partial(remove_member, access=access, username=username))

    @property
    def _running(self) -> State:
        if self._state is None:
            raise RuntimeError(NOT_STARTED)
        return self._state

    async def _access(self, item: str, user: User, role: Role) -> Access:
        """The right that the application gives a user for what it does in their name."""
        state = self._running
        if not valid_item_id(item):
            raise Refusal("item_not_found")
        caller = replace(as_caller(user), items={item: role})
        principal = await state.readers.read(look_up, await admit_caller(state, caller))
        await ensure_outside_item(state, principal, item)
        return grant(principal, await state.readers.read(load_standing, principal, item))

    async def _username(self, user: User) -> str:
        """By which calls name somebody; they are made if they never came."""
        state = self._running
        principal = await state.readers.read(look_up, await admit_caller(state, as_caller(user)))
        return (await state.readers.read(load_user, principal.user_key)).username


async def _not_started(scope: Scope, receive: Receive, send: Send) -> None:
    problem = Problem(Refusal("internal", NOT_STARTED), HTTPStatus.SERVICE_UNAVAILABLE)
    if scope["type"] == "websocket" and "websocket.http.response" not in scope["extensions"]:
        await send({"type": "websocket.close", "code": 1011, "reason": "internal"})
    else:
        await problem.response()(scope, receive, send)
