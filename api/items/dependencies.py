"""From a path's item id and a credential to an `Access`, for every REST call of an item."""

from typing import Annotated

from fastapi import Depends, Path

from ..accounts.dependencies import SignedIn
from ..errors import Refusal
from ..rights.access import Access, grant
from ..rights.standing import load_standing
from ..state import Running
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


async def item_access(item_id: ItemId, state: Running, principal: SignedIn) -> Access:
    """The caller's right in the item of the path.

    Raises:
        Refusal: `item_not_found`, `auth_revoked`, `auth_expired`.
    """
    if not valid_item_id(item_id):
        raise Refusal("item_not_found")
    if principal.credential.kind == "outside":
        await ensure_outside_item(state, principal, item_id)
    return grant(principal, await state.readers.read(load_standing, principal, item_id))


ItemAccess = Annotated[Access, Depends(item_access)]
