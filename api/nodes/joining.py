"""What a server consists of because there are others on its database, from its start to its end."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from socket import gethostname

from ..history.commits import Commits
from ..live.services import Services
from ..security.throttle import LoginThrottle
from ..store.sharing import Sharing
from ..version import __version__
from .aside import Aside
from .broker import Broker
from .brokers import broker_of, former_scopes, scope_of
from .company import Company
from .hearing import Hearing
from .hints import (
    EntriesStored,
    LoginTried,
    MarkerMoved,
    PresenceChanged,
    RightsChanged,
    Signalled,
    TextGrown,
)
from .reconcile import Reconciler
from .registry import Registry
from .roster import Identity
from .telling import Telling
from .watch import Watch


@dataclass(frozen=True, slots=True)
class Nodes:
    """The other servers of a database, for those who tell them something or ask about them."""

    broker: Broker
    """Tells them."""
    registry: Registry
    """Knows which there are."""
    company: Company
    """Knows who is in rooms there."""
    aside: Aside
    """Writes what need not outlive a crash."""
    sharing: Sharing
    """Has the one clock."""


@asynccontextmanager
async def joined(
    services: Services, sharing: Sharing, commits: Commits, throttle: LoginThrottle, *, boot: str
) -> AsyncIterator[Nodes]:
    """Be one of the servers of a database, for the length of a block.

    Raises:
        DatabaseError: this server does not belong to those that are there.
        sqlalchemy.exc.DBAPIError: the database does not take it.
    """
    settings, metrics = services.settings, services.metrics
    async with AsyncExitStack() as stack:
        aside = Aside(sharing.open_aside())
        stack.callback(aside.close)
        this = Identity(boot, settings.node_name or gethostname(), __version__, scope_of(settings))
        registry = Registry(aside, sharing, this, former=former_scopes(settings))
        broker = broker_of(settings, sharing, boot, metrics.hinted)
        company = Company(
            services.hub, services.readers, aside, broker, registry=registry, boot=boot
        )
        registry.on_changed(company.look_at_all)
        watch = Watch(
            services.hub,
            services.readers,
            services.writer,
            broker,
            company,
            page_max=settings.page_max,
            repaired=metrics.repaired,
        )
        services.hub.lookout = watch
        reconciler = Reconciler(services.hub, services.readers, watch, sharing.life)
        commits.listen(Telling(broker).committed)
        metrics.servers.set_function(lambda: registry.living)
        metrics.broker_up.set_function(lambda: broker.is_up)
        metrics.broker_lag.set_function(lambda: broker.lag)
        hearing = hearing_of(watch, reconciler, company)
        hearing.on(LoginTried, partial(_login_tried, throttle))
        broker.start(hearing)
        stack.push_async_callback(broker.close)
        reconciler.start()
        stack.push_async_callback(reconciler.stop)
        company.start()
        stack.push_async_callback(company.stop)
        # Last: from here on others count on this node; and first out, before it takes nothing more.
        await registry.join()
        stack.push_async_callback(registry.leave)
        yield Nodes(broker, registry, company, aside, sharing)


def hearing_of(watch: Watch, reconciler: Reconciler, company: Company) -> Hearing:
    """What brings other nodes' news to the rooms of this one."""
    hearing = Hearing()
    hearing.on(EntriesStored, watch.entries_stored)
    hearing.on(TextGrown, watch.text_grown)
    hearing.on(MarkerMoved, watch.marker_moved)
    hearing.on(RightsChanged, watch.rights_changed)
    hearing.on(Signalled, watch.signal_heard)
    hearing.on(PresenceChanged, company.heard)
    for confirmed in (reconciler.confirmed, company.look):
        hearing.on_confirmed(confirmed)
    for gap in (reconciler.gap, company.look_at_all):
        hearing.on_gap(gap)
    return hearing


def _login_tried(throttle: LoginThrottle, tried: LoginTried) -> None:
    throttle.heard(tried.network, tried.account, succeeded=tried.succeeded)
