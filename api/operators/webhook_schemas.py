"""What the calls about webhooks take and give."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from ..accounts.schemas import Input, ItemPattern, Time
from ..history.entries import Kind
from ..outgoing.posting import MAX_URL_LENGTH, checked_url
from ..outgoing.signing import checked_secret
from ..webhooks.hooks import Reason
from ..webhooks.sending import Outcome

Url = Annotated[
    str,
    Field(
        max_length=MAX_URL_LENGTH,
        examples=["https://shop.example/hooks/rooms"],
        json_schema_extra={"pattern": r"^https?://[A-Za-z0-9.-]+(:[1-9][0-9]{0,3})?(/[!-~]*)?$"},
    ),
    AfterValidator(checked_url),
]
Secret = Annotated[
    str,
    Field(
        description="`whsec_` and the Base64 of 24 to 64 bytes; without, one is made.",
        json_schema_extra={"pattern": r"^whsec_([A-Za-z0-9+/]{4}){8,21}$"},
    ),
    AfterValidator(checked_secret),
]


class NewWebhook(Input):
    """A webhook to be made."""

    url: Url
    items: Annotated[
        ItemPattern,
        Field(description="An item's id, or its beginning and a final `*`.", examples=["order-*"]),
    ]
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=len(Kind))] | None = Field(
        None, description="Kinds of entries; without, all."
    )
    secret: Secret | None = None
    from_: Literal["now", "start"] = Field(
        "now", alias="from", description="`start`: what is stored already is sent too."
    )


class WebhookSwitch(Input):
    """Whether a webhook sends."""

    state: Literal["active", "paused"] | None = Field(
        None, description="`active` also sends at once what waits to be sent again."
    )
    skip: Literal["failed", "all"] | None = Field(
        None,
        description="With `active`: what is never sent, the batches that have failed, or all "
        "that is stored by now.",
    )

    @model_validator(mode="after")
    def _check_skip(self) -> Self:
        if self.skip is not None and self.state != "active":
            raise ValueError("`skip` goes with `state` `active`.")
        return self


class WebhookChange(WebhookSwitch):
    """What shall be otherwise."""

    url: Url | None = None
    secret: Secret | None = Field(None, description="Signs all that is sent from now on.")


class FailureView(BaseModel):
    """Why a batch was not taken."""

    at: Time
    item: str
    reason: str = Field(examples=["It answered 500."])


class WebhookView(BaseModel):
    """A webhook, without its secret."""

    id: str
    url: str
    items: str
    kinds: list[Kind] | None
    key: str | None = Field(description="The service key that made it; null: an operator.")
    created_at: Time
    state: Literal["active", "paused"]
    reason: Reason | None = Field(description="Why it is paused.")
    paused_at: Time | None
    last_failure: FailureView | None


class NewWebhookView(WebhookView):
    """A webhook that was made; its secret is shown this once."""

    secret: str


class BehindView(BaseModel):
    """What is stored, and was not sent."""

    items: int
    entries: int = Field(description="Of all kinds.")
    failing: int = Field(description="Items whose batch has failed, and is sent again.")
    since: Time | None = Field(description="When the oldest of these entries was stored.")


class WebhookDetail(WebhookView):
    """A webhook, and how far it is behind."""

    behind: BehindView


class Webhooks(BaseModel):
    """One's webhooks, the oldest first."""

    webhooks: list[WebhookView]


class TestView(BaseModel):
    """What became of a call that had no entries in it."""

    outcome: Outcome
    status: int | None = Field(description="What it answered; null: nothing.")
    reason: str | None = Field(description="Why it was not taken.")
    seconds: float
