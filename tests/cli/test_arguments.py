from pathlib import Path

import pytest

from api.settings import Settings
from tests.cli.commands import Command
from tests.databases import rows


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "create", "--user", "ada", "--item", "order-17"],
        ["token", "create", "--user", "ada", "--item", "order-17=owner"],
        ["token", "create", "--user", "ada", "--item", "x=reader", "--expires-in", "soon"],
        ["token", "create", "--user", "ada", "--item", "x=reader", "--expires-in", "0d"],
        ["token", "create", "--user", "ada"],
        ["serve", "--workers", "many"],
        ["listen"],
    ],
)
def test_wrong_argument_is_a_usage_error(
    itemroom: Command, home: Path, arguments: list[str]
) -> None:
    """Found before anything happens to a database."""
    outcome = itemroom(*arguments)
    assert outcome.code == 2
    assert "Usage" in outcome.err
    assert list(home.iterdir()) == []


def test_password_is_asked_for_twice(
    itemroom: Command, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an echo; the prompts are not on stdout."""
    asked: list[object] = []

    def answer(text: str, **options: object) -> str:
        asked.append((text, options))
        return "correct horse battery"

    monkeypatch.setattr("typer.prompt", answer)
    assert itemroom.done("user", "create", "ada") == "ada was created\n"
    options = {"hide_input": True, "confirmation_prompt": True, "err": True}
    assert asked == [("Password", options)]
    ((password_hash,),) = rows(settings, 'SELECT password_hash FROM "user"')
    assert password_hash.startswith("$argon2")


def test_no_password_on_stdin_is_refused(itemroom: Command) -> None:
    """An empty one is a mistake in a script."""
    assert "No password" in itemroom.failed("user", "create", "ada", "--password-stdin")


def test_help_lists_every_command(itemroom: Command) -> None:
    """Without any argument too, there as a usage error."""
    shown = itemroom.done("--help")
    for name in ("serve", "migrate", "user", "token", "item", "listen", "publish", "restore"):
        assert name in shown
    assert itemroom().code == 2


@pytest.mark.parametrize(
    "command",
    [
        "publish order-17 \udcff --token t",
        "user create ada --display-name \udcff --password-stdin",
        "token create --user ada --item \udcff=writer",
    ],
)
def test_argument_that_is_no_text_ends_the_command(itemroom: Command, command: str) -> None:
    """Its bytes come as halves of characters."""
    sentence = itemroom.failed(*command.split(), stdin="correct horse battery\n")
    assert sentence == "An argument is no UTF-8 text."
