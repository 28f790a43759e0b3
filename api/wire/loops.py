"""The event loops to choose from; docs/benchmarks.md has what each does for the server's speed."""

import asyncio
import importlib
from collections.abc import Callable, Mapping

import uvloop

Factory = Callable[[], asyncio.AbstractEventLoop]


def aiofastnet_on_uvloop() -> asyncio.AbstractEventLoop:
    """That of uvloop, with aiofastnet's transports."""
    return _with_aiofastnet(uvloop.new_event_loop())


def aiofastnet_on_asyncio() -> asyncio.AbstractEventLoop:
    """Python's own, with aiofastnet's transports."""
    return _with_aiofastnet(asyncio.SelectorEventLoop())


def _with_aiofastnet(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    # An extra, and only looked for when it is asked for.
    patched: asyncio.AbstractEventLoop = importlib.import_module("aiofastnet").patch_loop(loop)
    return patched


LOOPS: Mapping[str, Factory] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.SelectorEventLoop,
    "aiofastnet+uvloop": aiofastnet_on_uvloop,
    "aiofastnet+asyncio": aiofastnet_on_asyncio,
}
