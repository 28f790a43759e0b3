"""`itemroom webhook`: programs of the product's that are told what is stored."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from .accounts import operator
from .failures import REFUSED, Failure, load_settings

if TYPE_CHECKING:
    from ..history.entries import Kind

webhook_commands = typer.Typer(help="Make, look at and pause webhooks.", no_args_is_help=True)

WebhookId = Annotated[str, typer.Argument(metavar="ID", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]


class Skipped(StrEnum):
    """What a webhook never sends, once it goes on."""

    FAILED = "failed"
    ALL = "all"


@webhook_commands.command("create")
def create_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", show_default=False)],
    *,
    items: Annotated[
        str,
        typer.Option(
            metavar="PATTERN",
            help="An item's id, or its beginning and a final *.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        list[str] | None, typer.Option(help="Of entries, such as message; else all.")
    ] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Send what is stored already, too.")
    ] = False,
) -> None:
    """Have entries sent to a program; prints the webhook's id, and its secret, this once."""
    from ..outgoing.posting import checked_url
    from ..outgoing.signing import new_secret
    from ..security.claims import check_patterns
    from ..webhooks.hooks import Wish

    try:
        checked_url(url)
    except ValueError as error:
        raise Failure(f"URL: {error}.") from None
    check_patterns({items: None})
    wish = Wish(url, items, _kinds(kind), new_secret(), start=from_start)
    with operator(load_settings()) as somebody:
        made = somebody.create_webhook(wish)
    typer.echo(made)
    typer.echo(wish.secret)


@webhook_commands.command("list")
def show_webhooks(*, as_json: AsJson = False) -> None:
    """List all webhooks, the oldest first."""
    from rich.console import Console

    from .looking import all_webhooks, reading, table_of_webhooks

    with reading(load_settings()) as connection:
        found = all_webhooks(connection)
    if as_json:
        for hook in found:
            typer.echo(hook.model_dump_json())
    else:
        Console().print(table_of_webhooks(found))


@webhook_commands.command("show")
def show_webhook(webhook_id: WebhookId, *, as_json: AsJson = False) -> None:
    """Show one: its state, why it failed last, and how far it is behind."""
    from rich.console import Console

    from .looking import card_of_webhook, reading, webhook_of

    with reading(load_settings()) as connection:
        found = webhook_of(connection, webhook_id)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        Console().print(card_of_webhook(found))


@webhook_commands.command("pause")
def pause_webhook(webhook_id: WebhookId) -> None:
    """Send nothing more, and forget nothing."""
    from ..webhooks.hooks import Change

    with operator(load_settings()) as somebody:
        somebody.change_webhook(webhook_id, Change(active=False))
    typer.echo(f"{webhook_id} is paused")


@webhook_commands.command("resume")
def resume_webhook(
    webhook_id: WebhookId,
    *,
    skip: Annotated[
        Skipped | None,
        typer.Option(help="Never send the batches that failed, or all that is stored by now."),
    ] = None,
) -> None:
    """Go on; what waits to be sent again is sent at once."""
    from ..webhooks.hooks import Change

    change = Change(active=True, skip=None if skip is None else skip.value)
    with operator(load_settings()) as somebody:
        somebody.change_webhook(webhook_id, change)
    typer.echo(f"{webhook_id} is active")


@webhook_commands.command("delete")
def delete_webhook(webhook_id: WebhookId) -> None:
    """End it, and forget how far it was."""
    with operator(load_settings()) as somebody:
        somebody.delete_webhook(webhook_id)
    typer.echo(f"{webhook_id} is deleted")


@webhook_commands.command("test")
def test_webhook(webhook_id: WebhookId) -> None:
    """Send a call without entries now, also when it is paused, and say what became of it."""
    with operator(load_settings()) as somebody:
        failure = somebody.test_webhook(webhook_id)
    if failure is not None:
        raise Failure(failure, REFUSED)
    typer.echo("It was taken.")


def _kinds(names: list[str] | None) -> "frozenset[Kind] | None":
    from ..history.entries import Kind

    if names is not None and not set(names) <= set(Kind):
        expected = ", ".join(Kind)
        raise typer.BadParameter(f"One of {expected} was expected.", param_hint="--kind")
    return None if not names else frozenset(map(Kind, names))
