"""Why a command did not do what it should: one sentence, and an exit code."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from ..errors import Refusal

if TYPE_CHECKING:
    from ..settings import Settings

REFUSED = 1
"""The command was understood, and the answer is no."""
UNABLE = 2
"""The command could not run: a wrong setting, a held lock, a server that does not answer."""


class Failure(Exception):  # noqa: N818 - ends a command, and is no fault of ours
    """Ends a command with a sentence."""

    def __init__(self, sentence: str, code: int = UNABLE) -> None:
        super().__init__(sentence)
        self.code = code


def explain(error: Exception) -> tuple[str, int] | None:
    """The sentence for an expected error, and the exit code; None: it is a fault of ours."""
    match error:
        case Failure():
            return str(error), error.code
        case Refusal():
            return f"{error.code}: {error.message}", REFUSED
        case OSError() if error.strerror is not None and error.filename is not None:
            return f"{error.filename}: {error.strerror}.", UNABLE
        case OSError():
            return str(error), UNABLE
        case _:
            return _explain_database(error)


def _explain_database(error: Exception) -> tuple[str, int] | None:
    from sqlalchemy.exc import DBAPIError

    from ..security.secret_file import SecretError
    from ..store.backups import BackupError
    from ..store.failures import DatabaseError, is_driver_error
    from ..traces import TracesError
    from ..wire.hosts import HostError

    match error:
        case DBAPIError():  # Its own text has the statement and its parameters.
            return f"The database cannot be used: {on_one_line(error.orig)}.", UNABLE
        case _ if is_driver_error(error):
            return f"The database cannot be used: {on_one_line(error)}.", UNABLE
        case BackupError() | DatabaseError() | SecretError() | TracesError() | HostError():
            return str(error), UNABLE
        case _:
            return None


def on_one_line(error: BaseException | None) -> str:
    """PostgreSQL's driver says in several what it has tried, with TLS and without the same."""
    lines: list[str] = []
    for line in map(str.strip, str(error).splitlines()):
        if not any(said.endswith(line) for said in lines):
            lines.append(line)
    return " ".join(" ".join(lines).split())


def load_settings(**changes: Any) -> "Settings":
    """The settings of the environment; says which variables are none, as a server does in its log.

    Raises:
        Failure: see `read_settings`.
    """
    from ..variables import unread_variables

    for sentence in unread_variables(os.environ):
        typer.echo(f"itemroom: {sentence}", err=True)
    return read_settings(**changes)


def read_settings(**changes: Any) -> "Settings":
    """The settings of the environment, some of them changed by options.

    Raises:
        Failure: one is wrong; the input itself, which may be a secret, is not shown.
    """
    from ..settings import Settings

    return _checked(lambda: Settings(**_given(changes)))


def change_settings(settings: "Settings", **changes: Any) -> "Settings":
    """Settings from elsewhere, some of them changed by options; raises Failure as above."""
    changed = settings.model_dump() | _given(changes)
    return _checked(lambda: settings.model_validate(changed))


def _given(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value is not None}


def _checked(make: Callable[[], "Settings"]) -> "Settings":
    from pydantic import ValidationError

    try:
        return make()
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)
    raise Failure("; ".join(_describe(str(one["msg"]), one["loc"]) for one in wrong) + ".")


def _describe(message: str, place: tuple[int | str, ...]) -> str:
    message = message.removeprefix("Value error, ").rstrip(".")
    if not place or message.startswith("ITEMROOM_"):
        return message
    return f"ITEMROOM_{str(place[0]).upper()}: {message}"
