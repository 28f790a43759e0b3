"""`create_app`: the application, and the one numbered list in which it starts and stops."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cache, partial
from operator import attrgetter

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from .accounts import endpoints as accounts
from .accounts.identity import identify_token
from .accounts.purge import purge_credentials
from .accounts.replaced import ending_replaced
from .accounts.sessions import touch_sessions
from .asking.authorize import NOTICE
from .asking.questions import asking
from .callers import Identify
from .history.commits import Commits
from .history.housekeeping import Chore, Housekeeping
from .history.transaction import Transaction
from .history.writer import Writer
from .http import middleware, problems
from .http.records import guard_records
from .invites.invites import purge_invites
from .items import batch_endpoints, inbox_endpoints, invite_endpoints, ticket_endpoints
from .items import endpoints as items
from .items import history_endpoints as history
from .items import member_endpoints as members
from .items import stream_endpoints as streams
from .limits import Buckets
from .live.expiry import Expiries
from .live.hub import Hub
from .live.inboxes import Inboxes
from .live.interruptions import Interruptions
from .live.services import Services
from .metrics import Metrics
from .nodes.joining import joined
from .nodes.looks import Looks
from .operators import backend_endpoints, health, webhook_endpoints
from .operators import endpoints as operators
from .pages import console
from .pages import documents as pages
from .rooms import endpoint as room
from .rooms import events_endpoint as events
from .rooms import polling
from .rooms import shared_endpoint as shared_room
from .rooms.refusals import refuse_socket
from .security import OutsideIssuer, Passwords, TokenReader, Tokens
from .security.secret_file import load_secret
from .security.throttle import LoginThrottle
from .settings import Settings
from .state import State
from .store.readers import Readers
from .store.store import store_of
from .traces import Traces
from .variables import unread_variables
from .version import __version__
from .webhooks.courier import delivering

logger = logging.getLogger("itemroom.app")

# `iss` and `aud` of our own tokens: they never leave the server that made them.
ISSUER = "itemroom"
OPERATOR_TOKEN_TTL = 60


def create_app(
    settings: Settings,
    *,
    identify: Identify | None = None,
    place: Callable[[Settings], str | None] = attrgetter("local_url"),
) -> FastAPI:
    """The whole product as one ASGI application.

    Args:
        settings: checked already; see `api.settings`.
        identify: says who comes without a token; None: our own cookie does.
        place: where operators' commands find it, asked when it starts; None: they cannot.
    """
    app = FastAPI(
        title="Itemroom",
        version=__version__,
        lifespan=_lifespan(settings, identify, place),
        routes=_routes(),
        # A path has one spelling; a redirect would also repeat the Host that was sent.
        redirect_slashes=False,
        # Ours are served by `pages`: FastAPI's load from a CDN.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app, refuse_socket=refuse_socket)
    middleware.install(app, settings)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """The same for every application: FastAPI reads them slowly, and no setting changes them."""
    routes = APIRouter(responses=pages.RESPONSES)
    # First: routes are tried in order, and a crowd that comes back asks for nothing else.
    routes.include_router(room.router)
    routes.include_router(shared_room.router)
    routes.include_router(accounts.router)
    routes.include_router(items.collection)
    routes.include_router(items.router)
    routes.include_router(inbox_endpoints.router)
    routes.include_router(members.router)
    routes.include_router(invite_endpoints.router)
    routes.include_router(invite_endpoints.shown)
    routes.include_router(ticket_endpoints.router)
    routes.include_router(history.router)
    routes.include_router(streams.router)
    routes.include_router(polling.router)
    routes.include_router(events.router)
    routes.include_router(batch_endpoints.router)
    routes.include_router(backend_endpoints.router)
    routes.include_router(webhook_endpoints.router)
    routes.include_router(webhook_endpoints.status)
    routes.include_router(operators.router)
    routes.include_router(health.router)
    routes.include_router(pages.router)
    routes.include_router(console.router)
    return routes.routes


def _lifespan(
    settings: Settings, identify: Identify | None, place: Callable[[Settings], str | None]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, place=place(settings)) as state:
            state.identify = identify
            app.state.itemroom = state
            yield

    return lifespan


@asynccontextmanager
async def running(settings: Settings, *, place: str | None = None) -> AsyncIterator[State]:
    """Everything that a server owns, from 1 up; on the way out from the last back to 1.

    Long because it is one list: the order is what matters, and pieces would hide it.
    """
    # No credential in the log, from the first record on, under any server.
    guard_records()
    for sentence in unread_variables(os.environ):
        logger.warning("%s", sentence)
    async with AsyncExitStack() as stack:
        # 1. The database, locked: nothing touches it before that, or after it was closed.
        store = store_of(settings)
        store.open(url=place or "")
        stack.callback(store.close)
        # 2. The schema.
        await asyncio.to_thread(store.prepare)
        # 3. Those who read.
        readers = store.open_readers()
        stack.push_async_callback(asyncio.to_thread, readers.close)
        # 4. Those who verify.
        passwords = make_passwords(settings)
        stack.callback(passwords.close)
        tokens = make_tokens(settings)
        outside = _outside_issuer(settings)
        if outside is not None:
            stack.push_async_callback(outside.aclose)
        traces = _traces(settings, stack)
        # 5. The live side: from here on somebody hears of commits.
        hub = Hub(
            recent_entries=settings.recent_entries,
            presence_grace=settings.presence_grace,
            presence_interval=settings.presence_interval,
        )
        stack.callback(hub.close)
        commits = Commits()
        commits.listen(hub.committed)
        metrics = _metrics(hub)
        # 6. The writer: on the way out it ends first, after storing what it took.
        writer = Writer(
            store.engine,
            commits,
            metrics.batch,
            max_queue=settings.writer_queue,
            max_batch=settings.writer_batch,
            patience=hub.patience,
            check=store.check,
            sharing=store.sharing,
            conflict=metrics.conflicted,
        )
        writer.start(asyncio.get_running_loop())
        stack.push_async_callback(asyncio.to_thread, writer.finish)
        asked = asking(settings, writer, readers, metrics)
        stack.push_async_callback(asked.close)
        # 7. What cleans up, now and then, through the writer.
        await stack.enter_async_context(_cleaning(readers, writer, hub, settings))
        state = State(
            settings=settings,
            store=store,
            readers=readers,
            writer=writer,
            desk=asked.review or writer,
            authorize=asked.authorize,
            passwords=passwords,
            tokens=tokens,
            token_reader=TokenReader(tokens, outside),
            login_throttle=LoginThrottle(
                failures=settings.login_failures, max_wait=settings.login_max_wait
            ),
            hub=hub,
            handshakes=Buckets(settings.handshake_rate, settings.handshake_burst),
            registrations=Buckets(settings.registration_rate, settings.registration_burst),
            new_items=Buckets(settings.new_item_rate, settings.new_item_burst),
            publishes=Buckets(settings.publish_rate, settings.publish_burst),
            appends=Buckets(settings.append_rate, settings.append_burst),
            append_bytes=Buckets(settings.append_bytes_rate, settings.append_bytes_burst),
            key_commands=Buckets(settings.key_rate, settings.key_burst),
            metrics=metrics,
            traces=traces,
        )
        inboxes = await stack.enter_async_context(_inboxes(state, commits))
        state.services = Services(
            inboxes=inboxes,
            hub=hub,
            readers=readers,
            writer=writer,
            desk=state.desk,
            metrics=metrics,
            settings=settings,
            sockets=state.sockets,
            expiries=Expiries(notice=settings.expiry_notice),
            rulings=Expiries(notice=NOTICE),
            identify=partial(identify_token, state),
        )
        # 8. Other nodes: what they tell, and are told.
        if store.sharing is not None:
            nodes = joined(
                state.services, store.sharing, commits, state.login_throttle, boot=state.boot
            )
            state.nodes = await stack.enter_async_context(nodes)
        # 9. What ends messages whose authors have gone, here and at other nodes.
        interruptions = _interruptions(state)
        interruptions.start()
        stack.push_async_callback(interruptions.stop)
        # 10. Webhooks: programs that hear of what is stored, by this server or others.
        state.courier = await stack.enter_async_context(
            delivering(
                readers,
                writer,
                commits,
                state.nodes,
                metrics,
                boot=state.boot,
                private=settings.outgoing_private,
            )
        )
        yield state


@asynccontextmanager
async def _inboxes(state: State, commits: Commits) -> AsyncIterator[Inboxes]:
    inboxes = Inboxes(state.readers, None if state.store.sharing is None else Looks())
    commits.listen(inboxes.committed)
    state.metrics.watchers.set_function(lambda: len(inboxes))
    inboxes.start()
    try:
        yield inboxes
    finally:
        await inboxes.stop()


def _interruptions(state: State) -> Interruptions:
    nodes = state.nodes
    return Interruptions(
        state.hub,
        state.readers,
        state.writer,
        silence=state.settings.stream_silence,
        elsewhere=_nowhere if nodes is None else nodes.company.is_there,
    )


async def _nowhere(_item_key: int, _user_key: int) -> bool:
    return False


@asynccontextmanager
async def _cleaning(
    readers: Readers, writer: Writer, hub: Hub, settings: Settings
) -> AsyncIterator[None]:
    chores = partial(_chores, hub, settings)
    housekeeping = Housekeeping(
        readers, writer, interval=settings.retention_interval, chores=chores
    )
    housekeeping.start()
    try:
        async with ending_replaced(readers, writer):
            yield
    finally:
        await housekeeping.stop()


def _traces(settings: Settings, stack: AsyncExitStack) -> Traces | None:
    if settings.traces == "off":
        return None
    traces = Traces()
    stack.push_async_callback(asyncio.to_thread, traces.close)
    return traces


def _chores(hub: Hub, settings: Settings) -> list[Chore]:
    credentials = [guest.principal.credential for guest in hub.guests]
    # A socket that is open uses its session, however quiet it is.
    used = {credential.id for credential in credentials if credential.kind == "session"}
    return [
        Transaction.settle_all,
        partial(touch_sessions, ids=used),
        partial(purge_credentials, settings=settings),
        purge_invites,
    ]


def _metrics(hub: Hub) -> Metrics:
    metrics = Metrics()
    metrics.connections.set_function(lambda: len(hub.guests))
    metrics.rooms.set_function(lambda: hub.rooms)
    metrics.behind.set_function(lambda: sum(member.is_behind for member in hub.members()))
    return metrics


def make_passwords(settings: Settings) -> Passwords:
    """What hashes passwords as the settings say."""
    return Passwords(
        min_length=settings.password_min_length, max_length=settings.password_max_length
    )


def make_tokens(settings: Settings) -> Tokens:
    """What issues and reads the tokens of this server, and of its command line."""
    return Tokens(
        load_secret(settings),
        issuer=ISSUER,
        audience=ISSUER,
        previous=[secret.get_secret_value().encode() for secret in settings.previous_secrets],
        max_ttl={
            "access": settings.access_token_ttl,
            "api": settings.api_token_max_ttl,
            "operator": OPERATOR_TOKEN_TTL,
        },
    )


def _outside_issuer(settings: Settings) -> OutsideIssuer | None:
    if settings.issuer is None:
        return None
    secret = settings.issuer_secret
    return OutsideIssuer(
        settings.issuer,
        settings.issuer_audience or "",
        secret=None if secret is None else secret.get_secret_value().encode(),
        jwks_url=settings.issuer_jwks_url,
    )
