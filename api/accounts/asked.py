"""Users and roles that the product answers for, when it is asked of an item."""

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, Select, select
from sqlmodel import col
from starlette.requests import HTTPConnection

from ..asking.authorize import Answer, Asker, Authorize, Question
from ..callers import HOST
from ..errors import Refusal
from ..http.origin import check_cookie_origin
from ..live.opening import Again
from ..models import User
from ..rights.access import Credential, Principal, clock_ms
from ..security import new_id
from ..state import State
from ..store.statements import statement
from .identity import admit_outside, find_outside

# No role in the item, as far as we know, or no credential of ours that counts.
ASKED_ABOUT = frozenset(
    {"item_not_found", "auth_missing", "auth_invalid", "auth_expired", "auth_revoked"}
)


async def ask_product(
    state: State, connection: HTTPConnection, item_id: str, principal: Principal | None
) -> tuple[Principal, Again] | None:
    """Whoever the product lets into an item, and how it is asked of them again.

    Args:
        state: the server.
        connection: a request or a handshake.
        item_id: an item's, whether or not there is one.
        principal: one of ours, who has no role there; None: nobody that we know.

    Returns:
        None when there is nobody to ask, or nothing to ask about.

    Raises:
        Refusal: `origin_denied`, or what the product says.
    """
    authorize = state.authorize
    if authorize is None or (principal is not None and principal.credential.kind == "key"):
        return None
    if principal is not None:
        question = Question(item_id, await state.readers.read(_asker, principal))
    else:
        # What is told of a browser is its cookies.
        check_cookie_origin(connection, state.settings)
        question = authorize.question(item_id, connection.cookies, connection.headers)
    if not question.says_who:
        return None
    again = partial(_ask_again, state, authorize, question)
    remembered = authorize.remembered(question)
    if remembered is not None:
        ruled, disconnects = await _ruled(state, remembered, principal)
        if disconnects == remembered.disconnects:
            return ruled, again
    return await _ask(state, authorize, question, principal), again


async def _ask_again(
    state: State, authorize: Authorize, question: Question, principal: Principal
) -> Principal:
    """Somebody whom the product let in goes on by its newer answer, if it is the same user."""
    own = principal if question.user is not None else None
    try:
        ruled = await _ask(state, authorize, question, own)
    except Refusal as refusal:
        if refusal.verdict.retry == "later":
            raise
        raise Refusal("removed") from refusal
    if ruled.user_key != principal.user_key:
        raise Refusal("removed")
    return ruled


async def _ask(
    state: State, authorize: Authorize, question: Question, principal: Principal | None
) -> Principal:
    answer = await authorize.ask(question)
    ruled, disconnects = await _ruled(state, answer, principal)
    authorize.remember(question, answer, disconnects)
    return ruled


async def _ruled(
    state: State, answer: Answer, principal: Principal | None
) -> tuple[Principal, int]:
    """Whom an answer is about, and how often they have been disconnected on purpose."""
    if principal is not None:
        ruled = replace(principal, ruling=answer.ruling)
    else:
        ruled = await _outside(state, answer)
    return ruled, await state.readers.read(_disconnects_of, ruled.user_key)


async def _outside(state: State, answer: Answer) -> Principal:
    issuer = state.issuer or HOST
    await admit_outside(state, issuer, answer.subject, answer.name)
    found = await state.readers.read(find_outside, issuer, answer.subject)
    # It ends with the answer: nobody has said of later who this is.
    until = answer.ruling.until
    credential = Credential("outside", new_id(), clock_ms(), None, known_until=until)
    return Principal(*found, credential, ruling=answer.ruling)


def _asker(connection: Connection, principal: Principal) -> Asker:
    ((username,),) = _username.fetch(connection, principal.user_key)
    return Asker(principal.id, username, principal.name)


def _disconnects_of(connection: Connection, user_key: int) -> int:
    ((disconnects,),) = _disconnects.fetch(connection, user_key)
    return disconnects


@statement
def _username(user_key: int) -> Select[str]:
    return select(col(User.username)).where(col(User.key) == user_key)


@statement
def _disconnects(user_key: int) -> Select[int]:
    return select(col(User.disconnects)).where(col(User.key) == user_key)
