"""Webhooks as they are shown, by the server and the command line."""

from sqlalchemy import Connection

from ..history.entries import rfc3339
from ..models import Webhook
from ..webhooks import hooks
from ..webhooks.due import Backlog, read_backlog
from .webhook_schemas import BehindView, FailureView, WebhookDetail, Webhooks, WebhookView


def list_webhooks(connection: Connection, caller: hooks.Owner | None) -> Webhooks:
    """A caller's webhooks as they are shown."""
    found = hooks.list_webhooks(connection, caller)
    names = hooks.names_of(connection, found)
    return Webhooks(webhooks=[show_webhook(hook, names) for hook in found])


def describe_webhook(
    connection: Connection, caller: hooks.Owner | None, webhook_id: str
) -> WebhookDetail:
    """One of them; raises Refusal `not_found`."""
    found = hooks.find_webhook(connection, caller, webhook_id)
    shown = show_webhook(found, hooks.names_of(connection, [found]))
    backlog = read_backlog(connection, hooks.hook_of(found))
    return WebhookDetail(**shown.model_dump(), behind=_show_backlog(backlog))


def show_webhook(hook: Webhook, names: dict[int, str]) -> WebhookView:
    """A webhook's row as it is shown; `names`: of keys, by their users' keys."""
    kinds = hooks.kinds_of(hook)
    return WebhookView(
        id=hook.id,
        url=hook.url,
        items=hook.items,
        kinds=None if kinds is None else sorted(kinds),
        key=None if hook.user_key is None else names[hook.user_key],
        created_at=rfc3339(hook.created_at),
        state="active" if hook.paused is None else "paused",
        reason=None if hook.paused is None else hooks.Reason(hook.paused),
        paused_at=None if hook.paused_at is None else rfc3339(hook.paused_at),
        last_failure=_show_failure(hook),
    )


def _show_backlog(backlog: Backlog) -> BehindView:
    """What is behind as it is shown."""
    since = None if backlog.oldest_at is None else rfc3339(backlog.oldest_at)
    return BehindView(
        items=backlog.items, entries=backlog.entries, failing=backlog.failing, since=since
    )


def _show_failure(hook: Webhook) -> FailureView | None:
    if hook.failed_at is None:
        return None
    return FailureView(
        at=rfc3339(hook.failed_at), item=hook.failed_item or "", reason=hook.failure or ""
    )
