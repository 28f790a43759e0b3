"""Signing up, in and out."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.security import OAuth2PasswordRequestForm

from ..errors import Refusal
from ..security import new_secret
from ..state import Running
from . import schemas
from .cookies import clear_session_cookie, set_session_cookie
from .dependencies import AccountOwner, ClientAddress, SignedIn, Visitor, checked_origin
from .login import prove_password
from .registration import change_password, register_user
from .sessions import end_session, open_session
from .tokens import issue_access_token
from .users import has_users, load_user, rename_user

router = APIRouter(prefix="/auth", tags=["accounts"])

Form = Annotated[OAuth2PasswordRequestForm, Depends()]


@router.post("/register", status_code=201)
async def register(
    state: Running, address: ClientAddress, wish: schemas.Registration
) -> schemas.AccountView:
    """Become a user. Refused with `registration_closed` where only the operator makes users."""
    return schemas.show_user(await register_user(state, address, wish))


@router.post("/login", dependencies=[Depends(checked_origin)])
async def login(
    *,
    request: Request,
    response: Response,
    state: Running,
    address: ClientAddress,
    login: schemas.Login,
    user_agent: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> schemas.AccountView:
    """Sign a browser in: the answer sets the session cookie, a new one each time."""
    password = login.password.get_secret_value()
    proof = await prove_password(state, address, login.username, password)
    secret = new_secret()
    user = await state.writer.call(
        partial(open_session, proof=proof, secret=secret, user_agent=user_agent)
    )
    set_session_cookie(response, request, state.settings, secret)
    return schemas.show_user(user)


@router.post("/token")
async def token(
    response: Response, state: Running, address: ClientAddress, form: Form
) -> schemas.AccessToken:
    """Get an access token for a program (OAuth2 password form); it lives for an hour or less."""
    proof = await prove_password(state, address, form.username, form.password)
    ttl = state.settings.access_token_ttl
    issued = await state.writer.call(
        partial(issue_access_token, tokens=state.tokens, proof=proof, ttl=ttl)
    )
    response.headers["Cache-Control"] = "no-store"
    return schemas.AccessToken(access_token=issued.token, expires_in=ttl)


@router.post("/logout", status_code=204)
async def logout(request: Request, response: Response, state: Running, principal: SignedIn) -> None:
    """Sign this browser out. Its sockets close; other browsers stay signed in."""
    if principal.credential.kind != "session":
        raise Refusal("forbidden", "Only a session is logged out; a token is revoked, or expires.")
    await state.writer.call(
        partial(end_session, user_key=principal.user_key, session_id=principal.credential.id)
    )
    clear_session_cookie(response, request, state.settings)


@router.post("/password", status_code=204)
async def password(
    state: Running, principal: AccountOwner, address: ClientAddress, change: schemas.PasswordChange
) -> None:
    """Change the password: ends all other sessions and all access tokens, but no API token."""
    await change_password(state, principal, address, change)


@router.get("/visitor")
async def visitor(state: Running, visitor: Visitor, response: Response) -> schemas.VisitorShown:
    """Whether you are signed in, or could sign up: for a page that has to know before it asks."""
    response.headers["Cache-Control"] = "no-store"
    me = None
    if visitor is not None:
        user = await state.readers.read(load_user, visitor.user_key)
        me = schemas.show_me(user, visitor)
    return schemas.VisitorShown(
        me=me,
        registration=state.settings.registration,
        first=me is None and not await state.readers.read(has_users),
    )


@router.get("/me")
async def me(state: Running, principal: SignedIn) -> schemas.Me:
    """Who you are, and with which credential."""
    user = await state.readers.read(load_user, principal.user_key)
    return schemas.show_me(user, principal)


@router.patch("/me")
async def rename(
    state: Running, principal: AccountOwner, wish: schemas.Renaming
) -> schemas.AccountView:
    """Change your display name: it is on everything that is read from now on."""
    user = await state.writer.call(
        partial(rename_user, user_key=principal.user_key, name=wish.display_name)
    )
    return schemas.show_user(user)
