"""What a node writes beside the log: rows that say who is where, and need not outlive a crash.

On a connection of its own, so that no commit waits for them, nor they for a writer that is frozen.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine

T = TypeVar("T")


class Aside:
    """Runs one transaction after the other in a thread of its own, until `close`.

    Args:
        engine: with one connection; closed with this.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "itemroom-aside")
        self._closed = False

    async def run(self, act: Callable[[Connection], T]) -> T:
        """Do something in a transaction; cancelling abandons the answer, not the act.

        Raises:
            sqlalchemy.exc.DBAPIError: as a `Statement`; nothing was done, unless the connection
                was lost with the answer.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, act)

    def close(self) -> None:
        """Disconnect. Whoever waits is cancelled; what hangs is left behind."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    def _run(self, act: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            try:
                with connection.begin():
                    return act(connection)
            finally:
                if self._closed:
                    # It was left behind, and no pool is there to close it.
                    connection.invalidate()
