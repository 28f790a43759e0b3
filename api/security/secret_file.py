"""The server's secret when none is configured: made once, kept beside the database."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from ..disk import sync
from ..settings import MIN_SECRET_BYTES, Settings


class SecretError(Exception):
    """The secret cannot be used; the message says what to do."""


def load_secret(settings: Settings) -> bytes:
    """The configured secret, else that of the file, which is made on the first start.

    Raises:
        SecretError: the file can be read by others, is too short, or is beside a link.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    path = secret_path(settings)
    if not path.exists():
        _refuse_former(settings, path)
        _make(path)
    return _read(path)


def secret_path(settings: Settings) -> Path:
    """Where the secret is kept when none is configured."""
    return settings.database_path.with_name(settings.database_path.name + ".secret")


def _refuse_former(settings: Settings, path: Path) -> None:
    """Links were not always followed: a new secret instead of that one would end all tokens."""
    link = settings.database_link
    former = link.with_name(f"{link.name}.secret")
    if former.exists():
        raise SecretError(f"{former} belongs beside the database itself: move it to {path}.")


def _make(path: Path) -> None:
    """A new secret, complete from the first moment on: a crash or a second process, a command
    beside a server, finds all of it or nothing.
    """
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        Path(draft).unlink()
    # Also when another process was quicker, which may have come no further: without its name
    # a power cut would leave no secret, and every token would be invalid.
    sync(path.parent)


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise SecretError(f"{path.name} can be read by others: run `chmod 600 {path}`.")
    secret = path.read_bytes().strip()
    if len(secret) < MIN_SECRET_BYTES:
        raise SecretError(
            f"{path.name} is too short to be a secret: restore it from a backup, or remove it to "
            "have a new one made, which ends all tokens."
        )
    return secret
