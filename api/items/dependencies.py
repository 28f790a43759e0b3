"""From a path's item id and a credential to an `Access`, for every REST call of an item."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from ..accounts.asked import ASKED_ABOUT, ask_product
from ..accounts.dependencies import Comer
from ..errors import Refusal
from ..rights.access import Access, Principal, grant
from ..rights.standing import load_standing
from ..state import Running, State
from .ids import valid_item_id
from .outside import ensure_outside_item

# No pattern here: an id that cannot exist must be refused like one that does not.
ItemId = Annotated[
    str,
    Path(
        description="The item's id in your product: letters, digits, `.`, `_`, `:`, `-`.",
        examples=["order-17"],
    ),
]


async def item_access(
    connection: HTTPConnection, item_id: ItemId, state: Running, comer: Comer
) -> Access:
    """The caller's right in the item of the path.

    Raises:
        Refusal: `item_not_found`, `auth_revoked`, `auth_expired`, or what the product says.
    """
    if not valid_item_id(item_id):
        raise comer if isinstance(comer, Refusal) else Refusal("item_not_found")
    try:
        return await _access(state, comer, item_id)
    except Refusal as refusal:
        if refusal.code not in ASKED_ABOUT:
            raise
        principal = None if isinstance(comer, Refusal) else comer
        asked = await ask_product(state, connection, item_id, principal)
        if asked is None:
            raise
        return await _access(state, asked[0], item_id)


async def _access(state: State, principal: Principal | Refusal, item_id: str) -> Access:
    if isinstance(principal, Refusal):
        raise principal
    await ensure_outside_item(state, principal, item_id)
    return grant(principal, await state.readers.read(load_standing, principal, item_id))


ItemAccess = Annotated[Access, Depends(item_access)]
