"""H9: settings that are weak or contradict each other refuse to start, with a sentence."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr, ValidationError

import api.settings
from api.settings import Settings

SECRET = "0123456789abcdefghijklmnopqrstuv"


def test_defaults_serve_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any setting: loopback, a file in the working directory."""
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.is_loopback
    assert settings.database_path == tmp_path / "itemroom.db"
    assert settings.public_host is None


def test_variables_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are separated by commas."""
    monkeypatch.setenv("ITEMROOM_MAX_BODY_BYTES", "128")
    monkeypatch.setenv("ITEMROOM_ALLOWED_ORIGINS", "https://A.example, http://b.example:8080,")
    monkeypatch.setenv("ITEMROOM_TRUSTED_PROXIES", "10.0.0.0/8,::1")
    monkeypatch.setenv("ITEMROOM_PREVIOUS_SECRETS", f"{SECRET},{SECRET[::-1]}")
    settings = Settings()
    assert settings.max_body_bytes == 128
    assert settings.allowed_origins == ("https://a.example", "http://b.example:8080")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
    assert [one.get_secret_value() for one in settings.previous_secrets] == [SECRET, SECRET[::-1]]
    assert SECRET not in repr(settings)


def test_password_of_a_database_not_shown() -> None:
    """Settings are printed by whoever looks for a fault."""
    url = f"postgresql://ada:{SECRET}@db/rooms"
    broker = f"rediss://:{SECRET}@broker:6380"
    settings = Settings(database_url=url, broker_url=broker, secret=SecretStr(SECRET))
    assert settings.database_name == "/rooms?"
    assert not settings.is_in_file
    assert SECRET not in repr(settings)


def test_broker_without_its_library_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: the sentence says which."""
    monkeypatch.setattr(api.settings, "find_spec", lambda _: None)
    with pytest.raises(ValidationError, match=r"itemroom\[redis\]"):
        Settings(broker_url="redis://localhost")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"allowed_origins": "*"}, "ITEMROOM_ALLOWED_ORIGINS"),
    ({"allowed_origins": "https://*.example"}, "ITEMROOM_ALLOWED_ORIGINS"),
    ({"allowed_origins": "example.com"}, "ITEMROOM_ALLOWED_ORIGINS"),
    ({"allowed_origins": "https://a.example/"}, "ITEMROOM_ALLOWED_ORIGINS"),
    ({"allowed_origins": "https://user@a.example"}, "ITEMROOM_ALLOWED_ORIGINS"),
    ({"trusted_proxies": "*"}, "ITEMROOM_TRUSTED_PROXIES"),
    ({"trusted_proxies": "10.0.0.1/8"}, "ITEMROOM_TRUSTED_PROXIES"),
    ({"public_url": "rooms.example.com"}, "ITEMROOM_PUBLIC_URL"),
    ({"allowed_origins": "https://bücher.example"}, "ASCII"),
    ({"public_url": "https://rooms.example.com/a path"}, "ITEMROOM_PUBLIC_URL"),
    ({"public_url": "https://rooms.example.com/path?query"}, "ITEMROOM_PUBLIC_URL"),
    ({"public_url": "https://rooms.example.com/a//path"}, "ITEMROOM_PUBLIC_URL"),
    ({"public_url": "https://rooms.example.com/%2e%2e"}, "ITEMROOM_PUBLIC_URL"),
    ({"public_url": "https://rooms.example.com/rooms/../x"}, "ITEMROOM_PUBLIC_URL"),
    ({"public_url": "https://rooms.example.com//"}, "ITEMROOM_PUBLIC_URL"),
    ({"public_url": "https://bücher.example"}, "ASCII"),
    ({"public_url": "https://rooms.example.com:99999"}, "ITEMROOM_PUBLIC_URL"),
    ({"public_url": "https://user@rooms.example.com"}, "ITEMROOM_PUBLIC_URL"),
    ({"public_url": "ws://rooms.example.com"}, "ITEMROOM_PUBLIC_URL"),
    ({"public_url": "http://rooms.example.com"}, "https://"),
    ({"public_url": "HTTP://Rooms.Example.com:80/"}, "https://"),
    ({"public_url": "http://192.0.2.1:8000", "host": "0.0.0.0"}, "https://"),
    ({"public_url": "http://0.0.0.0:8000", "host": "0.0.0.0"}, "https://"),
    ({"public_url": "http://[::ffff:192.0.2.1]"}, "https://"),
    ({"public_url": "http://localhost.example.com"}, "https://"),
    ({"internal_hosts": "*"}, "ITEMROOM_INTERNAL_HOSTS"),
    ({"internal_hosts": "*.svc"}, "ITEMROOM_INTERNAL_HOSTS"),
    ({"internal_hosts": "itemroom:8000"}, "without a port"),
    ({"internal_hosts": "http://itemroom"}, "ITEMROOM_INTERNAL_HOSTS"),
    ({"internal_hosts": "localhost"}, "where people sign in"),
    ({"internal_hosts": "R.example", "public_url": "https://r.example"}, "where people sign in"),
    ({"cookie": "__Host-rooms"}, "pattern"),
    ({"cookie": "rooms session"}, "pattern"),
    ({"cookie": "rooms=1"}, "pattern"),
    ({"port": "tcp://10.0.0.1:8000"}, "enableServiceLinks"),
    ({"secret": ""}, "at least 32"),
    ({"secret": "short"}, "at least 32"),
    ({"secret": "a" * 64}, "random"),
    ({"previous_secrets": f"{SECRET},short"}, "at least 32"),
    ({"database_url": "sqlite://"}, "sqlite:///FILE"),
    ({"database_url": "sqlite:///:memory:"}, "sqlite:///FILE"),
    ({"database_url": "sqlite:///a.db?mode=ro"}, "sqlite:///FILE"),
    ({"database_url": "mysql://localhost/x"}, "postgresql://USER"),
    ({"database_url": "postgresql://localhost/x"}, "ITEMROOM_SECRET is missing"),
    ({"broker_url": "redis://localhost"}, "a database file has one"),
    ({"broker_url": "localhost:6379"}, "ITEMROOM_BROKER_URL takes"),
    ({"issuer_secret": SECRET}, "ITEMROOM_ISSUER is missing"),
    ({"issuer_audience": "a"}, "ITEMROOM_ISSUER is missing"),
    ({"issuer": "https://i.example"}, "ITEMROOM_ISSUER_AUDIENCE"),
    ({"issuer": "i", "issuer_audience": "a"}, "exactly one"),
    ({"issuer": "i", "issuer_secret": SECRET}, "ITEMROOM_ISSUER_AUDIENCE"),
    (
        {
            "issuer": "i",
            "issuer_audience": "a",
            "issuer_secret": SECRET,
            "issuer_jwks_url": "https://i.example/jwks",
        },
        "exactly one",
    ),
    ({"authorize_url": "https://shop.example"}, "ITEMROOM_ASK_SECRET is missing"),
    ({"review_url": "https://shop.example"}, "ITEMROOM_ASK_SECRET is missing"),
    ({"review_url": "shop.example"}, "expected a URL"),
    ({"ask_secret": SECRET}, "whsec_ and the Base64"),
    ({"max_body_bytes": 70_000}, "ITEMROOM_MAX_FRAME_BYTES"),
    ({"password_min_length": 20, "password_max_length": 10}, "ITEMROOM_PASSWORD_MAX_LENGTH"),
    ({"session_idle": 90, "session_lifetime": 60}, "ITEMROOM_SESSION_LIFETIME"),
    ({"tail_default": 2000}, "ITEMROOM_TAIL_MAX"),
    ({"host": "0.0.0.0"}, "ITEMROOM_PUBLIC_URL"),
    ({"host": "rooms.example.com"}, "ITEMROOM_PUBLIC_URL"),
    ({"host": "192.0.2.1"}, "ITEMROOM_PUBLIC_URL"),
    ({"host": "::ffff:192.0.2.1"}, "ITEMROOM_PUBLIC_URL"),
    ({"host": "127.0.0.1:8000"}, "ITEMROOM_PORT"),
    ({"host": "[::1]:8000"}, "ITEMROOM_PORT"),
    ({"host": "http://localhost"}, "ITEMROOM_PORT"),
    ({"trusted_proxies": "10.0.0.1:80"}, "ITEMROOM_TRUSTED_PROXIES"),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED, ids=lambda value: str(value)[:60])
def test_setting_that_cannot_be_refused_with_a_sentence(
    values: dict[str, Any], sentence: str
) -> None:
    """What is wrong is named as an operator knows it."""
    with pytest.raises(ValidationError, match="(?s)" + sentence.replace("*", r"\*")):
        Settings(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"host": "localhost"},
        {"host": "::1"},
        {"host": "127.0.0.2"},
        {"host": "::ffff:127.0.0.2"},
        {"trusted_proxies": "::ffff:10.0.0.0/104, [fd00::1]"},
        {"host": "0.0.0.0", "public_url": "https://rooms.example.com/"},
        {"host": "0.0.0.0", "public_url": "http://localhost:8000"},
        {"host": "0.0.0.0", "public_url": "http://rooms.localhost"},
        {"host": "::", "public_url": "http://[::1]:8000"},
        {"internal_hosts": "itemroom, item_room.svc.cluster.local"},
        {"secret": SECRET},
        {"issuer": "i", "issuer_audience": "a", "issuer_secret": SECRET},
        {"issuer": "i", "issuer_audience": "a", "issuer_jwks_url": "https://i.example/jwks"},
        {"trusted_proxies": ["192.0.2.7"]},
    ],
    ids=str,
)
def test_setting_that_fits_accepted(values: dict[str, Any]) -> None:
    """Each of these is a sound deployment."""
    Settings(**values)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://Rooms.Example.com:8443/", "https://rooms.example.com:8443"),
        ("HTTPS://rooms.example.com:443", "https://rooms.example.com"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("https://[2001:DB8:0::1]", "https://[2001:db8::1]"),
    ],
)
def test_public_url_has_one_spelling(given: str, url: str) -> None:
    """As browsers write it: lower case, without the scheme's own port or a slash at the end."""
    settings = Settings(public_url=given)
    assert settings.public_url == url
    assert settings.public_host == urlsplit(url).hostname


@pytest.mark.parametrize("name", Settings.model_fields)
def test_variable_that_is_empty_is_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As a file of variables has it where nothing was filled in."""
    monkeypatch.setenv(f"ITEMROOM_{name.upper()}", "")
    assert Settings().model_dump() == Settings.model_construct().model_dump()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
        ("fe80::1%eth0", "http://[fe80::1%eth0]:8000"),
        ("::ffff:0.0.0.0", "http://127.0.0.1:8000"),
        ("192.0.2.1", "http://192.0.2.1:8000"),
    ],
)
def test_server_reached_locally_wherever_it_listens(host: str, url: str) -> None:
    """The command line asks the running server at this address."""
    assert Settings(host=host, public_url="https://rooms.example.com").local_url == url


def test_settings_do_not_change() -> None:
    """One frozen object."""
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc] # that is the point
