"""Who may command the server: whoever holds its secret."""

from typing import Annotated

from fastapi import Header

from api.errors import Refusal
from api.state import Running


async def operator(
    state: Running, authorization: Annotated[list[str] | None, Header()] = None
) -> None:
    """Let in an operator's token, shown in `Authorization` and nowhere else.

    Raises:
        Refusal: `auth_missing`, `auth_ambiguous`, `auth_invalid`, or `auth_expired`.
    """
    if authorization is None:
        raise Refusal("auth_missing")
    if len(authorization) != 1:
        raise Refusal("auth_ambiguous")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Refusal("auth_invalid")
    state.tokens.read_operator(token.strip())
