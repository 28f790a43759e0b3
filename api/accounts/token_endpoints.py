"""API tokens: for programs, limited to items and a role."""

from functools import partial

from fastapi import APIRouter, Response

from ..http.ids import Askable
from ..rights.access import clock_ms
from ..state import Running
from . import schemas
from .dependencies import AccountOwner
from .tokens import TokenRequest, create_api_token, list_api_tokens, revoke_api_token

router = APIRouter(prefix="/tokens", tags=["accounts"])


@router.post("", status_code=201)
async def create(
    response: Response, state: Running, principal: AccountOwner, token: schemas.NewToken
) -> schemas.TokenMade:
    """Make an API token. It can never do more than you can; its text is shown this once."""
    longest = state.settings.api_token_max_ttl
    ttl = token.expires_in or min(schemas.DEFAULT_TOKEN_TTL, longest)
    wish = TokenRequest(token.name, token.items, ttl)
    issued, listed = await state.writer.call(
        partial(create_api_token, tokens=state.tokens, principal=principal, wish=wish)
    )
    response.headers["Cache-Control"] = "no-store"
    return schemas.show_new_token(listed, issued.token)


@router.get("")
async def tokens(state: Running, principal: AccountOwner) -> schemas.TokenList:
    """Your API tokens that count, the newest first."""
    found = await state.readers.read(list_api_tokens, principal.user_key, clock_ms())
    return schemas.TokenList(tokens=[schemas.show_token(token) for token in found])


@router.delete("/{token_id}", status_code=204)
async def revoke(state: Running, principal: AccountOwner, token_id: Askable) -> None:
    """Revoke an API token, at once and for good; its sockets close."""
    await state.writer.call(partial(revoke_api_token, user_key=principal.user_key, jti=token_id))
