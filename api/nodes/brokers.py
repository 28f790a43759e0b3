"""Which broker a node has, as the settings say."""

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from urllib.parse import urlsplit

from pydantic import SecretStr

from ..settings import Settings
from ..store.sharing import Sharing
from .broker import Broker
from .carrier import Carrier
from .notify import NotifyCarrier
from .redis import RedisCarrier


def broker_of(
    settings: Settings,
    sharing: Sharing,
    boot: str,
    count: Callable[[str, int], None],
) -> Broker:
    """The broker, not yet started.

    Args:
        settings: of the server.
        sharing: makes what the database carries hints by.
        boot: of this node.
        count: as of `Broker`.
    """
    scope = scope_of(settings)
    url = settings.broker_url
    if url is None:
        connect: Callable[[], Carrier] = partial(_by_notify, sharing, scope)
    else:
        connect = partial(RedisCarrier, url, scope=scope)
    place = "NOTIFY" if url is None else _without_password(url)
    return Broker(connect, boot=boot, place=place, count=count)


def scope_of(settings: Settings) -> str:
    """Names what is told among the servers of one database; the same for all of them.

    Of the secret, which they share: whoever else uses the same Redis with a database of the same
    name hears nothing of it, and is not heard.
    """
    return _scope(settings, settings.secret)


def former_scopes(settings: Settings) -> list[str]:
    """The same of secrets that go: servers that still have one belong here too."""
    return [_scope(settings, secret) for secret in settings.previous_secrets]


def _scope(settings: Settings, secret: SecretStr | None) -> str:
    key = b"" if secret is None else secret.get_secret_value().encode()[:64]
    return blake2b(settings.database_name.encode(), key=key, digest_size=8).hexdigest()


def _by_notify(sharing: Sharing, scope: str) -> Carrier:
    return NotifyCarrier(sharing.notices(), scope=scope)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
