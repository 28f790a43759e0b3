"""The settings: one frozen object, read from `ITEMROOM_*` variables.

A value that is weak or contradicts another one refuses to start with a sentence that says what
to do. `0` means unlimited for rates and counts.
"""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from . import places
from .addresses import is_loopback, local_url
from .outgoing.posting import checked_url
from .outgoing.signing import checked_secret

ListedOrigin = Annotated[str, AfterValidator(places.check_listed_origin)]
InternalHost = Annotated[str, AfterValidator(places.check_internal_host)]
Proxy = Annotated[str, AfterValidator(places.check_proxy)]
ProductUrl = Annotated[str, AfterValidator(checked_url)] | None
MIN_SECRET_BYTES = 32


class Settings(BaseSettings):
    """Everything that an operator can choose. Sizes are bytes and times seconds unless named."""

    model_config = SettingsConfigDict(
        env_prefix="ITEMROOM_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    host: Annotated[str, AfterValidator(places.check_host)] = "127.0.0.1"
    port: Annotated[int, BeforeValidator(places.check_port)] = Field(8000, ge=0, le=65535)
    # May have a password in it.
    database_url: str = Field("sqlite:///itemroom.db", repr=False)
    # Likewise.
    broker_url: str | None = Field(None, repr=False)
    """A Redis by which many servers of one database hear of each other; unset: by the database."""
    node_name: str | None = Field(None, max_length=200)
    """What people call it, where they see all that share a database; unset: as its host."""
    migrate: bool = True
    """Whether `serve` brings the database's schema up to date by itself."""
    secret: SecretStr | None = None
    """Signs our tokens; at least 32 characters. Unset: made once, kept beside the database."""
    previous_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Secrets whose tokens still count, while a new `secret` takes over."""
    public_url: Annotated[str, AfterValidator(places.check_public_url)] | None = None
    """What browsers have in their address bar, as `https://rooms.example.com`; perhaps with a path,
    which a proxy takes off before it asks."""
    allowed_origins: Annotated[
        tuple[Annotated[str, AfterValidator(places.check_listed_origin)], ...], NoDecode
    ] = ()
    """Other origins whose pages may use the session cookie."""
    internal_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(places.check_internal_host)], ...], NoDecode
    ] = ()
    """Further names that programs reach the server by; no session counts under them."""
    trusted_proxies: Annotated[
        tuple[Annotated[str, AfterValidator(places.check_proxy)], ...], NoDecode
    ] = ()
    """Addresses or networks whose `X-Forwarded-*` headers are believed."""
    outgoing_private: bool = False
    """Whether webhooks may lead to this machine and its network."""
    registration: Literal["open", "closed"] = "open"
    metrics: Literal["open", "admins"] = "open"
    """Who reads `/metrics`: whoever reaches it; or admins, and what runs on this machine."""
    traces: Literal["off", "otlp"] = "off"
    """Whether a span of each request and handshake is sent to a collector, by OTLP over HTTP."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"

    issuer: str | None = None
    """The `iss` of an outside issuer, the host product, whose tokens are believed."""
    issuer_audience: str | None = None
    issuer_secret: SecretStr | None = None
    issuer_jwks_url: str | None = None

    authorize_url: ProductUrl = None
    """Is asked what somebody may do in an item who is nothing there, or has no credential."""
    authorize_cookies: Annotated[tuple[str, ...], NoDecode] = ()
    """Cookies of the product's own that it is told."""
    authorize_headers: Annotated[
        tuple[Annotated[str, AfterValidator(str.lower)], ...], NoDecode
    ] = ()
    """Headers, likewise."""
    review_url: ProductUrl = None
    """Is asked before a message is stored."""
    review_failure: Literal["refuse", "accept"] = "refuse"
    """What becomes of a message while it does not answer."""
    ask_secret: SecretStr | None = None
    """Signs these questions."""

    cookie: str = Field("itemroom_session", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    """The session cookie's name; `__Host-` is put before it where there is TLS."""
    session_idle: int = Field(7 * 86400, ge=60)
    session_lifetime: int = Field(30 * 86400, ge=60)
    access_token_ttl: int = Field(3600, ge=1)
    api_token_max_ttl: int = Field(366 * 86400, ge=60)
    ticket_ttl: int = Field(30, ge=1)
    password_min_length: int = Field(8, ge=1)
    password_max_length: int = Field(256, le=4096)
    login_failures: int = Field(5, ge=0)
    """Failed logins of an account or address before each further one has to wait."""
    login_max_wait: int = Field(300, ge=1)
    registration_rate: float = Field(0.5, ge=0)
    """New users of an address a second."""
    registration_burst: int = Field(100, ge=1)
    new_item_rate: float = Field(10, ge=0)
    """New items of a user a second."""
    new_item_burst: int = Field(500, ge=1)

    max_frame_bytes: int = Field(64 * 1024, ge=1024)
    max_body_bytes: int = Field(16 * 1024, ge=64)
    max_nesting: int = Field(32, ge=1, le=500)
    max_fragments: int = Field(64, ge=1)
    max_header_bytes: int = Field(16 * 1024, ge=1024)
    handshake_timeout: float = Field(5, gt=0)
    keep_alive: int = Field(75, ge=1)
    """For the next request of a connection. Proxies keep theirs for 60 s as a rule, and answer
    502 when ours ended first."""
    publish_rate: float = Field(20, ge=0)
    publish_burst: int = Field(100, ge=0)
    key_rate: float = Field(5000, ge=0)
    """Commands and new items of a service key over HTTP, a second."""
    key_burst: int = Field(10_000, ge=1)
    append_rate: float = Field(200, ge=0)
    """Additions of a connection to messages in the making, a second."""
    append_burst: int = Field(400, ge=1)
    append_bytes_rate: float = Field(64 * 1024, ge=0)
    """Bytes of these a second."""
    append_bytes_burst: int = Field(512 * 1024, ge=1)
    max_stream_bytes: int = Field(256 * 1024, ge=1024)
    """All that is added to one message."""
    stream_silence: float = Field(30, ge=1)
    """Seconds after which a message in the making ends that nobody adds to, and whose author is
    not there."""
    light_rate: float = Field(20, ge=0)
    """Frames of a connection that store no entry (ping, presence, read, auth) a second."""
    light_burst: int = Field(100, ge=0)
    control_rate: float = Field(10, ge=0)
    """Pings, pongs and empty fragments of a connection a second; libraries send one or two."""
    control_burst: int = Field(100, ge=0)
    error_rate: float = Field(1, ge=0)
    """Refused commands a second before `too_many_errors`; `error_burst` of them at once."""
    error_burst: int = Field(20, ge=0)
    connections_per_user: int = Field(50, ge=0)
    handshake_rate: float = Field(20, ge=0)
    handshake_burst: int = Field(100, ge=0)
    joined_items: int = Field(200, ge=1)
    """Rooms at one socket for many items."""
    commands_in_flight: int = Field(256, ge=1)
    """Commands of one connection that wait for the writer; one more is `busy`."""
    write_buffer_bytes: int = Field(256 * 1024, ge=1024)
    stall_timeout: float = Field(10, gt=0)
    message_timeout: float = Field(10, gt=0)
    """From the first byte of a WebSocket message to its last."""
    close_timeout: float = Field(5, gt=0)
    """For a client to take our last frames and to answer our close."""
    ping_interval: float = Field(20, gt=0)
    ping_timeout: float = Field(20, gt=0)
    presence_grace: float = Field(3, ge=0)
    presence_interval: float = Field(0.2, ge=0)
    """Joins and leaves of this long go out in one frame."""
    expiry_notice: float = Field(30, ge=0)
    tail_default: int = Field(50, ge=0)
    tail_max: int = Field(1000, ge=1)
    page_max: int = Field(500, ge=1, le=10_000)
    """Entries or messages in one answer, and in one read of a replay."""
    recent_entries: int = Field(256, ge=1)
    """Newest entries that a room keeps in memory for connections that are a little behind."""
    writer_queue: int = Field(10_000, ge=1)
    writer_batch: int = Field(512, ge=1)
    reader_threads: int = Field(4, ge=1)
    reader_queue: int = Field(4096, ge=1)
    """As many clients may come back at once without one being told to try again in a second."""
    busy_timeout: float = Field(5, ge=0)
    """How long a write waits for a foreign process that holds the database."""
    retention_interval: float = Field(3600, gt=0)
    shutdown_grace: float = Field(10, ge=0)
    restart_spread: float = Field(5, ge=0)
    """On a restart each client is told its own delay, between 0.5 s and this much more."""

    @field_validator(
        *("allowed_origins", "internal_hosts", "trusted_proxies", "previous_secrets"),
        *("authorize_cookies", "authorize_headers"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("secret", "issuer_secret", "previous_secrets")
    @classmethod
    def _check_secrets(
        cls, value: SecretStr | tuple[SecretStr, ...] | None
    ) -> SecretStr | tuple[SecretStr, ...] | None:
        for secret in value if isinstance(value, tuple) else (value,):
            if secret is not None and not _is_strong(secret.get_secret_value()):
                raise ValueError(
                    f"a secret needs at least {MIN_SECRET_BYTES} random characters; make one with: "
                    'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
                )
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        if not re.fullmatch(r"sqlite:///[^?:][^?]*|postgres(?:ql)?://\S+", value):
            raise ValueError(
                "ITEMROOM_DATABASE_URL takes sqlite:///FILE (a file, since readers and the writer "
                "have connections of their own), or postgresql://USER:PASSWORD@HOST/DATABASE"
            )
        return value

    @field_validator("broker_url")
    @classmethod
    def _check_broker_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not re.fullmatch(r"rediss?://\S+", value):
            raise ValueError(
                "ITEMROOM_BROKER_URL takes redis://:PASSWORD@HOST:PORT, or rediss:// with TLS"
            )
        if find_spec("redis") is None:
            raise ValueError("ITEMROOM_BROKER_URL needs a library: install `itemroom[redis]`")
        return value

    @model_validator(mode="after")
    def _check_broker_use(self) -> Self:
        if self.broker_url is not None and self.is_in_file:
            raise ValueError(
                "ITEMROOM_BROKER_URL is for many servers of one database: a database file has one"
            )
        return self

    @model_validator(mode="after")
    def _check_secret_place(self) -> Self:
        if not self.is_in_file and self.secret is None:
            raise ValueError(
                "ITEMROOM_SECRET is missing: it signs tokens, and without a database file there "
                "is no place beside it to keep one"
            )
        return self

    @model_validator(mode="after")
    def _check_issuer(self) -> Self:
        keys = [key for key in (self.issuer_secret, self.issuer_jwks_url) if key is not None]
        if self.issuer is None and (keys or self.issuer_audience):
            raise ValueError("ITEMROOM_ISSUER is missing: the outside tokens' iss claim")
        if self.issuer is not None and (len(keys) != 1 or not self.issuer_audience):
            raise ValueError(
                "an outside issuer needs ITEMROOM_ISSUER_AUDIENCE and exactly one of "
                "ITEMROOM_ISSUER_SECRET and ITEMROOM_ISSUER_JWKS_URL"
            )
        return self

    @model_validator(mode="after")
    def _check_ask_secret(self) -> Self:
        if self.ask_secret is not None:
            checked_secret(self.ask_secret.get_secret_value())
        elif self.authorize_url or self.review_url:
            raise ValueError(
                "ITEMROOM_ASK_SECRET is missing: by it the product knows that a question is ours"
            )
        return self

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.max_body_bytes > self.max_frame_bytes:
            raise ValueError("ITEMROOM_MAX_BODY_BYTES cannot exceed ITEMROOM_MAX_FRAME_BYTES")
        if self.password_min_length > self.password_max_length:
            raise ValueError("ITEMROOM_PASSWORD_MIN_LENGTH exceeds ITEMROOM_PASSWORD_MAX_LENGTH")
        if self.session_idle > self.session_lifetime:
            raise ValueError("ITEMROOM_SESSION_IDLE cannot exceed ITEMROOM_SESSION_LIFETIME")
        if self.tail_default > self.tail_max:
            raise ValueError("ITEMROOM_TAIL_DEFAULT cannot exceed ITEMROOM_TAIL_MAX")
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        own = {"localhost", self.host, self.public_host}
        if twice := own.intersection(self.internal_hosts):
            raise ValueError(
                f"ITEMROOM_INTERNAL_HOSTS names {twice.pop()}, where people sign in: it is for "
                "names that programs use"
            )
        return self

    @model_validator(mode="after")
    def _check_cookie_transport(self) -> Self:
        if not self.is_loopback and self.public_url is None:
            raise ValueError(
                f"ITEMROOM_HOST={self.host} is reachable by others: set ITEMROOM_PUBLIC_URL to the "
                "address that browsers use, so that cookies and origins can be checked"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def is_in_file(self) -> bool:
        """Whether the database is a file of this machine, and no server."""
        return self.database_url.startswith("sqlite:///")

    @property
    def database_name(self) -> str:
        """What distinguishes the database from others of its server, and no password."""
        parts = urlsplit(self.database_url)
        return f"{parts.path}?{parts.query}"

    @property
    def database_link(self) -> Path:
        """The SQLite file as it was named: perhaps a symbolic link to it."""
        return Path(self.database_url.removeprefix("sqlite:///")).absolute()

    @property
    def database_path(self) -> Path:
        """The SQLite file. What lies beside it is named after it, by whatever path it came."""
        return self.database_link.resolve()

    @property
    def local_url(self) -> str:
        """Where programs on this machine reach the server, also one that listens everywhere."""
        return local_url(self.host, self.port)

    @property
    def public_host(self) -> str | None:
        """The host name of `public_url`, without a port."""
        return urlsplit(self.public_url).hostname if self.public_url else None

    @property
    def public_path(self) -> str:
        """What a proxy takes off the paths of requests, without a slash at its end."""
        return urlsplit(self.public_url).path if self.public_url else ""


def _is_strong(secret: str) -> bool:
    return len(secret.encode()) >= MIN_SECRET_BYTES and len(set(secret)) >= 8
