"""What all tests share: settings in a temporary directory, an application, a live server."""

import functools
import gc
import logging
import os
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpcore2
import httpx2
import hypothesis
import pytest
from coverage import Coverage
from fastapi import FastAPI

import api.app
from api.app import create_app
from api.security import Passwords
from api.settings import Settings
from api.state import State
from tests import loggers, scratch
from tests.databases import IN_FILES, no_file, provide, shared, values_in
from tests.deadlines import scaled
from tests.people import People
from tests.programs.postgresql import Cluster
from tests.programs.redis import Redis, redis_server
from tests.serving import LiveServer

Serve = Callable[..., LiveServer]
LOGGERS = pytest.StashKey[dict[str, loggers.Kept]]()

# How long an example takes says nothing about the code on a machine that does other things, too.
hypothesis.settings.register_profile("calm", deadline=None)
hypothesis.settings.load_profile("calm")


# What a module imports that starts servers or programs, and what a test asks for that does.
STARTERS = {"LiveServer", "Process", "Shipped", "Cluster", "redis_server", "subprocess"}
STARTERS |= {"hosting", "node", "started", "mypy"}
STARTED = {
    "cluster",
    "redis",
    "serve",
    "server",
    "lenient_server",
    "browser",
    "recorder",
    "tarball",
}
# Folders and modules whose live tests look on from outside. To be measured takes them twice the
# time, and each line that they reach has to be reached by a test nearer to it.
OUTSIDE = {"conformance", "console", "deploy", "docs", "javascript", "power"}
OUTSIDE |= {"test_backlog", "test_crashes", "test_cuts", "test_description", "test_load"}
OUTSIDE |= {"test_restarts", "test_slow_clients", "test_slow_readers", "test_torture"}
OUTSIDE |= {"test_upgrade"}

# Folders all of which is about SQLite: its own module, and what becomes of its files.
SQLITES = {"sqlite", "power"}


def pytest_configure() -> None:
    """Before anything else is made."""
    scratch.use_memory()
    # As each server in this process does it: nobody hears of single calls.
    logging.getLogger("uvicorn.access").propagate = False


def pytest_sessionfinish() -> None:
    """End what was started for all."""
    shared.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Scale the deadlines of whole tests like those within them; what is live comes last.

    Of that, what may take long comes first: no worker should begin with it when others are done.
    """
    default = float(config.getini("timeout"))
    places: dict[pytest.Item, tuple[bool, float]] = {}
    for item in items:
        own = item.get_closest_marker("timeout")
        seconds = default if own is None else float(own.args[0])
        item.add_marker(pytest.mark.timeout(scaled(seconds)), append=False)
        places[item] = (is_live(item), -seconds if is_live(item) else 0)
        if is_live(item):
            item.add_marker(pytest.mark.live)
        if SQLITES.intersection(item.path.parts):
            item.add_marker(pytest.mark.sqlite)
    items.sort(key=places.__getitem__)
    if not IN_FILES:
        left_out = [item for item in items if item.get_closest_marker("sqlite")]
        items[:] = [item for item in items if not item.get_closest_marker("sqlite")]
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: no full collection needs to go through it again."""
    gc.freeze()


def is_live(item: pytest.Item) -> bool:
    """Whether it needs a real server, another program or a browser."""
    assert isinstance(item, pytest.Function)
    return not (STARTERS.isdisjoint(vars(item.module)) and STARTED.isdisjoint(item.fixturenames))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure what counts; fixtures of modules, and programs that are started, included."""
    if {item.path.parent.name, item.path.stem} & OUTSIDE and is_live(item):
        with unmeasured():
            return (yield)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Remember how logging is set up, before any fixture of the test's own."""
    item.stash[LOGGERS] = loggers.kept()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """A test that leaves levels or handlers behind fails itself, not whatever comes after it."""
    try:
        return (yield)
    finally:
        assert isinstance(item, pytest.Function)
        directory = item.funcargs.get("tmp_path")
        if isinstance(directory, Path):
            shared.forget(directory)
        if left := loggers.changes(item.stash[LOGGERS]):
            pytest.fail("\n".join(left), pytrace=False)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Coverage looks away, if it looks at all."""
    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    inherited = {k: value for k, value in os.environ.items() if k.startswith("COVERAGE_PROCESS_")}
    for name in inherited:
        del os.environ[name]
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()
        os.environ.update(inherited)


@pytest.fixture
def anyio_backend() -> str:
    """The server runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """A PostgreSQL, started once for a process of tests, by the first that asks for it."""
    return shared.cluster


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """A Redis, likewise; whoever stops it starts it again."""
    with redis_server() as redis:
        yield redis


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> None:
    """A suite that was started in the background ignores SIGINT, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def one_trust() -> Iterator[None]:
    """Each client would read the system's certificates anew: that takes longer than most calls."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(httpcore2.default_ssl_context)
        patch.setattr(httpcore2, "default_ssl_context", once)
        # So would each server of this process: that is most of what its start takes.
        trusted = functools.cache(ssl.create_default_context)
        patch.setattr("api.outgoing.posting.create_default_context", trusted)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_files() -> Iterator[None]:
    """On PostgreSQL, no server of this process may have its database in a file."""
    with pytest.MonkeyPatch.context() as patch:
        if not IN_FILES:
            patch.setattr("api.store.sqlite.database.open_engine", no_file)
        yield


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real hashes, at a hundredth of their cost: people sign up in nearly every test."""

    def make(settings: Settings) -> Passwords:
        lengths = (settings.password_min_length, settings.password_max_length)
        return Passwords(min_length=lengths[0], max_length=lengths[1], memory_kib=64, rounds=1)

    monkeypatch.setattr(api.app, "make_passwords", make)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, on a database of the test's own."""
    return make_settings(tmp_path)


def make_settings(directory: Path, **changes: object) -> Settings:
    """Settings on a database in a directory; `port` 0 finds a free one."""
    return Settings.model_validate(values_in(directory) | {"port": 0} | changes)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """A running application, without a server around it."""
    provide(settings)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def state(app: FastAPI) -> State:
    """What the application consists of."""
    state: State = app.state.itemroom
    return state


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application, in process."""
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 4711))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def people(state: State, client: httpx2.AsyncClient) -> People:
    """Makes users of the application."""
    return People(state, client)


@pytest.fixture
def adapter() -> str:
    """`wire`, or `plain` for the protocols of any ASGI server; modules that hold on both say so."""
    return "wire"


@pytest.fixture
def serve(tmp_path: Path, adapter: str) -> Iterator[Serve]:
    """Starts real servers on free ports, with changed settings; all end with the test."""
    with ExitStack() as stack:

        def start(**changes: object) -> LiveServer:
            settings = make_settings(tmp_path, **changes)
            return stack.enter_context(LiveServer(settings, plain=adapter == "plain"))

        yield start


@pytest.fixture
def server(serve: Serve) -> LiveServer:
    """A real server with the default settings."""
    return serve()
