"""uvicorn, set up for rooms: our own listening socket, and a drain before its shutdown."""

import asyncio
import gc
import logging
import os
import random
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.types import ASGIApp

from ..app import create_app
from ..embedded import NOT_STARTED
from ..http.traced import Traced
from ..live.hub import Hub
from ..rooms.door import Door
from ..settings import Settings
from ..state import State
from ..store.failures import DatabaseError
from .hosts import Host, HostError
from .http import GuardedHttp
from .intake import Intake
from .link import Link
from .shared import Wire

logger = logging.getLogger("itemroom.server")

BACKLOG = 2048
# Connections told to go at once, between two turns of the event loop.
DRAIN_BATCH = 200
GOODBYE_INTERVAL = 0.1  # seconds
# Seconds beyond the grace for what closes after the connections: threads, the database.
EXIT_MARGIN = 5.0
# Objects that come to be, beyond those that go, between two looks of Python's collector for cycles.
# It looks at 700, which is once for seven clients that come in, and then was a seventh of what the
# event loop did. What it finds is a few objects of each: these may wait.
COLLECT_AFTER = 10_000


class Server(uvicorn.Server):
    """Drains before uvicorn shuts down: its own way is a bare 1012, at once, for everybody."""

    def __init__(
        self, app: FastAPI, config: uvicorn.Config, settings: Settings, *, host: Host | None = None
    ) -> None:
        super().__init__(config)
        self.app = app
        self._host = app if host is None else host.app
        self._settings = settings
        self.told_ready: Callable[[], None] = lambda: None
        """Called when it accepts."""

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on uvloop: half as many acks again as on Python's own event loop."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.serve(sockets))

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the application, and listen while it runs.

        uvicorn's own lifespan would turn whatever keeps the application from starting into a
        traceback; here it reaches whoever called. It would also begin to hear signals only after
        that: one that comes while the database is migrated would be lost on PID 1.
        """
        with self.capture_signals():
            async with self._host.router.lifespan_context(self._host):
                if not hasattr(self.app.state, "itemroom"):
                    raise HostError(NOT_STARTED)
                if self.should_exit:
                    logger.info("told to stop while starting")
                else:
                    await self._serve(sockets)
                lost = self._lost
            # A stop that was asked for is a success. uvicorn would raise the signal again.
            self._captured_signals.clear()
        if lost is not None:
            raise DatabaseError(lost)

    @property
    def _lost(self) -> str | None:
        """Why this server cannot go on, if it cannot."""
        state: State = self.app.state.itemroom
        return state.store.lost

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: is it time to stop?"""
        if self._lost is not None and not self.should_exit:
            self._limit_stop()
            self.should_exit = True
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, and say where."""
        await super().startup(sockets)
        state: State = self.app.state.itemroom
        url = self._settings.public_url or self._settings.local_url
        # With its version: some of SQLite's have the WAL-reset bug.
        logger.info("serving %s with %s", url, state.store.product)
        self.told_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains. A second one ends the process: nothing that was acked is lost,
        since each ack follows its commit.
        """
        if self.should_exit:
            os._exit(128 + sig)
        self._limit_stop()
        super().handle_exit(sig, frame)

    def _limit_stop(self) -> None:
        """Whatever hangs from now on, a disk for example: the kernel ends the process."""
        signal.setitimer(signal.ITIMER_REAL, self._settings.shutdown_grace + EXIT_MARGIN)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was taken, say goodbye, then stop."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.shutdown_grace
        await drain(self.app.state.itemroom, self._settings)
        self.config.timeout_graceful_shutdown = max(1, round(end - loop.time()))
        await super().shutdown(sockets)


async def drain(state: State, settings: Settings) -> None:
    """Take nothing new, store what was taken, tell every client when to come back.

    Bounded by `shutdown_grace`: a disk or a client that hangs does not keep the server.
    """
    state.drain()
    finishing = asyncio.ensure_future(asyncio.to_thread(state.writer.finish))
    # Half of the time for what is to be stored, so that a goodbye is said in any case.
    await asyncio.wait({finishing}, timeout=settings.shutdown_grace / 2)
    empty = asyncio.ensure_future(state.sockets.wait_empty())
    end = asyncio.get_running_loop().time() + settings.shutdown_grace / 2
    while not empty.done() and asyncio.get_running_loop().time() < end:
        # Again and again: a handshake may have begun before the server began to drain.
        await _say_goodbye(state.hub, settings.restart_spread)
        await asyncio.wait({empty}, timeout=GOODBYE_INTERVAL)
    empty.cancel()


async def _say_goodbye(hub: Hub, spread: float) -> None:
    for count, guest in enumerate(hub.guests):
        # A delay of its own for each client: all at once would be the next overload.
        guest.end("restart", retry_after=round(0.5 + random.random() * spread, 2))  # noqa: S311
        if count % DRAIN_BATCH == DRAIN_BATCH - 1:
            await asyncio.sleep(0)


def listen(settings: Settings, *, shared: bool = False) -> socket.socket:
    """The listening socket; port 0 finds a free one.

    Args:
        settings: of the server.
        shared: with other workers, each of which listens by itself.

    Raises:
        OSError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # A peer that acknowledges nothing for this long is gone, whatever its keep-alive says;
        # accepted sockets inherit it (Linux, milliseconds).
        limit = int((settings.stall_timeout + settings.ping_timeout) * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit)
        if family == socket.AF_INET6:
            # `::` takes clients of IPv4 too, whatever the machine's own default is.
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind((settings.host, settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        address = f"{settings.host}:{settings.port}"
        raise OSError(error.errno, error.strerror, address) from error
    return listening


def _intake(settings: Settings, wire: Wire, door: ASGIApp, **from_uvicorn: Any) -> Intake:
    """What uvicorn takes for its HTTP protocol, one for each client."""
    return GuardedHttp(settings, wire, door=door, **from_uvicorn).intake


def build_server(
    settings: Settings,
    log_config: dict[str, object] | None = None,
    *,
    plain: bool = False,
    host: Host | None = None,
) -> Server:
    """The server of an application, not yet listening.

    Args:
        settings: `port` is the real one.
        log_config: for `logging.config.dictConfig`; None: leave logging alone.
        plain: use uvicorn's own protocols, as any other ASGI server would.
        host: the application in which it is mounted, and which is served then. It comes first:
            there is no shorter way into a room.
    """
    app = create_app(settings) if host is None else host.rooms.app
    door = Door(app, settings) if host is None else host.app
    opened = door if settings.traces == "off" else Traced(door, server=app)
    ours = partial(_intake, settings, Wire(settings), opened)
    http: Any = "httptools" if plain else ours
    config = uvicorn.Config(
        app if host is None else host.app,
        host=settings.host,
        port=settings.port,
        http=http,
        # Only with uvicorn's own HTTP protocol: ours goes on with our own handshake.
        ws="websockets-sansio",
        ws_max_size=settings.max_frame_bytes,
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_timeout,
        # 73 instead of 32 KB for an idle connection, and a way to guess secrets by their size.
        ws_per_message_deflate=False,
        timeout_keep_alive=settings.keep_alive,
        root_path=settings.public_path if host is None else "",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=log_config,
        lifespan="off",  # Run by the server itself.
        workers=1,  # Else uvicorn would take WEB_CONCURRENCY's word for it.
    )
    return Server(app, config, settings, host=host)


def serve(
    settings: Settings,
    log_config: dict[str, object] | None = None,
    *,
    link: Link | None = None,
    own_port: int | None = None,
    host: Host | None = None,
) -> None:
    """Listen and serve until SIGTERM or SIGINT; the process is the server's alone.

    Args:
        settings: of the server.
        log_config: as of `build_server`.
        link: to the process that started this one as a worker; None: it is the only one.
        own_port: of the loopback, where this worker alone answers; None: nowhere.
        host: as of `build_server`.
    """
    gc.set_threshold(COLLECT_AFTER)
    with ExitStack() as stack:
        listening = [stack.enter_context(listen(settings, shared=link is not None))]
        if own_port is not None:
            own = settings.model_copy(update={"host": "127.0.0.1", "port": own_port})
            # Shared with the one that it replaces, while that drains.
            listening.append(stack.enter_context(listen(own, shared=True)))
        port = listening[0].getsockname()[1]
        settings = settings.model_copy(update={"port": port})
        if host is not None:
            host.rooms.place = f"{settings.local_url}{host.path}"
        server = build_server(settings, log_config, host=host)
        if link is not None:
            server.told_ready = link.tell_ready
            link.watch()
        # What was imported and built by now stays: 150,000 objects. Every full collection would
        # look at all of them, and everybody would wait for it.
        gc.freeze()
        server.run(listening)
