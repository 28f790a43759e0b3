"""What a ticket call answers."""

from pydantic import (
    BaseModel,
    Field,
)


class TicketMade(BaseModel):
    """A single-use admission to the item's room: `…/ws?ticket=`."""

    ticket: str
    expires_in: int = Field(description="Seconds.")
