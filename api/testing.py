"""A server in the process of an application's tests: there in a moment, gone without a trace.

What `itemroom serve` runs, in a thread, on a file of its own. What tests do with it, as people and
as the application's backend, is `itemroom.testing` of the Python client.
"""

import asyncio
import threading
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Self, TypeVar

from .accounts.users import create_user, find_user
from .app import make_passwords
from .clock import clock
from .history.housekeeping import Housekeeping
from .history.transaction import Transaction
from .security import new_secret
from .settings import Settings
from .state import State
from .store.store import store_of
from .wire.server import Server, build_server, listen

T = TypeVar("T")

# Seconds to start or to stop in. It takes a tenth of one; what hangs is to be seen.
PATIENCE = 30.0
# No test is to be slowed down by what holds back strangers; a test of its own sets them.
LENIENT = {
    "handshake_rate": 0,
    "registration_rate": 0,
    "new_item_rate": 0,
    "publish_rate": 0,
    "restart_spread": 0,
    "shutdown_grace": 2,
}


class Someone(NamedTuple):
    """A user of a local server."""

    username: str
    id: str
    token: str


class LocalServer:
    """A server on a free port of this machine, between `start` and `stop`.

    Args:
        settings: single ones by their names; the environment's do not count.

    Raises:
        ValueError: a setting has no such value.
    """

    def __init__(self, **settings: Any) -> None:
        chosen = Settings.model_validate(LENIENT | {"port": 0} | settings)
        self._directory = TemporaryDirectory(prefix="itemroom-testing-")
        path = Path(self._directory.name) / "rooms.db"
        path.write_bytes(_template())
        self.settings = chosen.model_copy(update={"database_url": f"sqlite:///{path}"})
        self.url = ""
        """Where it is, once it has been started; the same after a restart."""
        self._server: Server
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Serve, in a thread.

        Raises:
            RuntimeError: it could not; with the cause.
        """
        listening = listen(self.settings)
        port = listening.getsockname()[1]
        self.settings = self.settings.model_copy(update={"port": port})
        self.url = f"http://127.0.0.1:{port}"
        self._server = build_server(self.settings)
        is_ready = threading.Event()
        self._server.told_ready = is_ready.set
        self._thread = threading.Thread(
            target=self._run, args=[listening, is_ready], name="itemroom", daemon=True
        )
        self._thread.start()
        if not is_ready.wait(PATIENCE) or self._failure is not None:
            raise RuntimeError("the local server could not start") from self._failure

    def stop(self) -> None:
        """Stop as SIGTERM would have it: what was taken is stored, clients are told to come back.

        Raises:
            RuntimeError: it does not end.
        """
        if self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise RuntimeError("the local server does not stop")
        self._thread = None

    def close(self) -> None:
        """Stop, and forget everything."""
        self.stop()
        clock.reset()
        self._directory.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def restart(self) -> None:
        """Stop, and start again where it was."""
        self.stop()
        self.start()

    def cut(self) -> None:
        """Lose all connections, without a word to anybody: as a network does."""

        async def abort() -> None:
            for connection in tuple(self._server.server_state.connections):
                connection.shutdown()

        self._await(abort())

    def forward(self, seconds: float) -> None:
        """It is so much later: what has ended by then ends, what is too old to be kept is deleted.

        Of all servers of this process. It is the machine's time again when this one is closed.
        """
        clock.forward(seconds)
        self._await(self._look())

    async def _look(self) -> None:
        state = self.state
        for expiries in (state.services.expiries, state.services.rulings):
            expiries.look()
        await Housekeeping(state.readers, state.writer, interval=0).tidy()

    def user(self, username: str, name: str | None = None) -> Someone:
        """A user, who is made at the first time, with an access token.

        With a password that nobody knows, and hashed once for all: that takes longer than the rest.

        Raises:
            Refusal: nobody can have this username.
        """
        user_id = self.write(partial(_user, username=username, name=name))
        token = self.state.tokens.issue(user_id, use="access", ttl=3600).token
        return Someone(username, user_id, token)

    def write(self, function: Callable[[Transaction], T]) -> T:
        """What a function does in the writer's transaction, once it is stored."""
        stored: T = self._await(self.state.writer.call(function))
        return stored

    @property
    def state(self) -> State:
        """What the server consists of. It lives in another thread: look, do not touch."""
        state: State = self._server.app.state.itemroom
        return state

    def _await(self, call: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(PATIENCE)

    def _run(self, listening: Any, is_ready: threading.Event) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve([listening])

        try:
            with listening:
                asyncio.run(serve())
        except BaseException as error:  # Whatever it is, the test that waits is to have it.
            self._failure = error
        finally:
            is_ready.set()


def _user(transaction: Transaction, username: str, name: str | None) -> str:
    known = find_user(transaction.connection, username)
    known = known or create_user(transaction, username=username, password_hash=_hash(), name=name)
    return known.id


@cache
def _hash() -> str:
    passwords = make_passwords(Settings.model_validate({}))
    try:
        return passwords.hash_now(new_secret())
    finally:
        passwords.close()


@cache
def _template() -> bytes:
    """An empty database at the newest revision: migrated once in a process."""
    with TemporaryDirectory(prefix="itemroom-testing-") as directory:
        path = Path(directory) / "rooms.db"
        store = store_of(Settings.model_validate({"database_url": f"sqlite:///{path}"}))
        store.open()
        try:
            store.prepare()
        finally:
            store.close()
        return path.read_bytes()
