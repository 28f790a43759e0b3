"""Which broker a node has, as the settings say."""

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from urllib.parse import urlsplit

from api.nodes.broker import Broker
from api.nodes.carrier import Carrier
from api.nodes.notify import NotifyCarrier
from api.nodes.redis import RedisCarrier
from api.settings import Settings
from api.store.notices import Notices


def broker_of(
    settings: Settings,
    notices: Callable[[], Notices] | None,
    boot: str,
    count: Callable[[str, int], None],
) -> Broker | None:
    """The broker, not yet started; None: this database has one server.

    Args:
        settings: of the server.
        notices: makes what the database carries them by, not yet open; None: it does not.
        boot: of this node.
        count: as of `Broker`.
    """
    if notices is None:
        return None
    scope = scope_of(settings)
    url = settings.broker_url
    if url is None:
        connect: Callable[[], Carrier] = partial(_by_notify, notices, scope)
    else:
        connect = partial(RedisCarrier, url, scope=scope)
    place = "NOTIFY" if url is None else _without_password(url)
    return Broker(connect, boot=boot, place=place, count=count)


def scope_of(settings: Settings) -> str:
    """Names what is told among the servers of one database; the same for all of them.

    Of the secret, which they share: whoever else uses the same Redis with a database of the same
    name hears nothing of it, and is not heard.
    """
    secret = settings.secret.get_secret_value() if settings.secret is not None else ""
    return blake2b(
        settings.database_name.encode(), key=secret.encode()[:64], digest_size=8
    ).hexdigest()


def _by_notify(notices: Callable[[], Notices], scope: str) -> Carrier:
    return NotifyCarrier(notices(), scope=scope)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
