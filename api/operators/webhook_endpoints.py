"""Webhooks, for service keys and for whoever runs the server."""

from functools import partial
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Response

from ..http.ids import Askable
from ..items.quotas import count_commands
from ..models import Webhook
from ..outgoing.signing import new_secret
from ..rights.access import Principal
from ..state import Running
from ..webhooks import hooks
from . import webhook_schemas as schemas
from .dependencies import Backend, admin
from .webhooks import describe_webhook, list_webhooks, show_webhook

T = TypeVar("T")

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
# For admins, who see how the server does and may stop what does it harm. They neither make a
# webhook nor have it send elsewhere: that would show them items that they have no role in.
status = APIRouter(prefix="/status/webhooks", tags=["operation"], dependencies=[Depends(admin)])

WebhookId = Annotated[Askable, Path(max_length=64)]


async def owner(state: Running, principal: Backend) -> hooks.Owner | None:
    """The service key that calls; None: an operator, whose all webhooks are.

    Raises:
        Refusal: `forbidden`, `rate_limited`; else as for any credential.
    """
    if principal is None:
        return None
    count_commands(state, principal)
    return hooks.Owner(principal.user_key, _patterns(principal))


Caller = Annotated[hooks.Owner | None, Depends(owner)]


def _patterns(principal: Principal) -> dict[str, object]:
    return dict(principal.credential.items or {})


@router.post("", status_code=201)
async def create(
    state: Running, caller: Caller, response: Response, webhook: schemas.NewWebhook
) -> schemas.NewWebhookView:
    """Have entries sent to a program of yours, from here on, or from the start of each log.

    The secret by which it knows that a call is ours is shown this once.
    """
    secret = webhook.secret or new_secret()
    wish = hooks.Wish(
        webhook.url,
        webhook.items,
        None if webhook.kinds is None else frozenset(webhook.kinds),
        secret,
        start=webhook.from_ == "start",
    )
    made = await state.writer.call(partial(hooks.create_webhook, owner=caller, wish=wish))
    state.courier.changed()
    response.headers["Cache-Control"] = "no-store"
    shown = await _show(state, made)
    return schemas.NewWebhookView(**shown.model_dump(), secret=secret)


@router.get("")
async def show_all(state: Running, caller: Caller) -> schemas.Webhooks:
    """List your webhooks; an operator's token lists all."""
    return await state.readers.read(list_webhooks, caller)


@router.get("/{webhook_id}")
async def show(state: Running, caller: Caller, webhook_id: WebhookId) -> schemas.WebhookDetail:
    """Show a webhook: its state, why it failed last, and how far it is behind."""
    return await state.readers.read(describe_webhook, caller, webhook_id)


@router.patch("/{webhook_id}")
async def change(
    state: Running, caller: Caller, webhook_id: WebhookId, change: schemas.WebhookChange
) -> schemas.WebhookView:
    """Pause it, let it go on, have it send elsewhere, or sign with another secret."""
    wanted = hooks.Change(
        change.url,
        None if change.state is None else change.state == "active",
        change.skip,
        change.secret,
    )
    act = partial(hooks.change_webhook, owner=caller, webhook_id=webhook_id, change=wanted)
    changed = await state.writer.call(act)
    state.courier.changed()
    return await _show(state, changed)


@router.delete("/{webhook_id}", status_code=204)
async def delete(state: Running, caller: Caller, webhook_id: WebhookId) -> None:
    """End a webhook; nothing is sent any more."""
    await state.writer.call(partial(hooks.delete_webhook, owner=caller, webhook_id=webhook_id))
    state.courier.changed()


@router.post("/{webhook_id}/test")
async def test(state: Running, caller: Caller, webhook_id: WebhookId) -> schemas.TestView:
    """Send a call without entries now, also when it is paused, and say what became of it."""
    found = await state.readers.read(hooks.find_webhook, caller, webhook_id)
    verdict = await state.courier.test(hooks.hook_of(found))
    return schemas.TestView(
        outcome=verdict.outcome,
        status=verdict.status,
        reason=verdict.failure,
        seconds=round(verdict.seconds, 3),
    )


@status.get("")
async def show_to_admins(state: Running) -> schemas.Webhooks:
    """List all webhooks of the database; for admins."""
    return await show_all(state, None)


@status.patch("/{webhook_id}")
async def switch(
    state: Running, webhook_id: WebhookId, wanted: schemas.WebhookSwitch
) -> schemas.WebhookView:
    """Pause any webhook, or let it go on; for admins."""
    whole = schemas.WebhookChange(state=wanted.state, skip=wanted.skip)
    return await change(state, None, webhook_id, whole)


@status.post("/{webhook_id}/test")
async def test_for_admins(state: Running, webhook_id: WebhookId) -> schemas.TestView:
    """Send a call without entries now; for admins."""
    return await test(state, None, webhook_id)


async def _show(state: Running, hook: Webhook) -> schemas.WebhookView:
    return show_webhook(hook, await state.readers.read(hooks.names_of, [hook]))
