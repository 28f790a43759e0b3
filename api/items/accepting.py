"""Somebody shows the text of an invite: what it is, and in they come."""

from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from ..accounts.guesses import guess
from ..errors import Refusal
from ..history.departures import departed_at
from ..history.messages import author_of
from ..history.transaction import Transaction
from ..invites.invites import StoredInvite, find_invite, use_invite
from ..limits import network_of
from ..rights.access import Principal, Role, Standing, check_standing, clock_ms
from ..rights.standing import load_standing
from ..state import State
from .members import Giver, give_role

# What failed tries are counted as, with who makes them: no username has a colon in front.
TRIED_AS = ":invite:"


@dataclass(frozen=True, slots=True)
class Seen:
    """An invite, and what whoever shows it is in its item."""

    invite: StoredInvite
    member_role: Role | None
    departed_at: int | None
    """When they were a member last, in milliseconds; None: never."""

    def check(self, now: int) -> None:
        """Raise Refusal `invite_ended`, but for who has come in: their link still leads there."""
        if self.member_role is not None:
            return
        # Whoever removes somebody must not have to know which links they have.
        if self.departed_at is not None and self.departed_at > self.invite.created_at:
            raise Refusal("invite_ended", "Your membership has ended since this invite was made.")
        if reason := self.invite.why_ended(now):
            raise Refusal("invite_ended", reason)

    def leads_further(self, now: int) -> bool:
        """Whether they become something by it that they are not."""
        if self.invite.why_ended(now) is not None:
            return False
        return self.member_role is None or not self.member_role.allows(self.invite.role)


async def look_at_invite(
    state: State, principal: Principal | None, address: str, text: str
) -> Seen:
    """What an invite leads to; None: nobody is signed in.

    Raises:
        Refusal: `not_found` for a text of no invite, which counts as a failed login does, and
            hence `rate_limited`; `invite_ended`.
    """
    network = network_of(address)
    # Strangers' guesses behind the same address are not those of somebody who is signed in.
    who = network if principal is None else principal.id
    look = partial(state.readers.read, _look, principal, text)
    seen = await guess(state, network, f"{TRIED_AS}{who}", look)
    if seen is None:
        raise _unknown()
    seen.check(clock_ms())
    return seen


async def accept_invite(
    state: State, principal: Principal, address: str, text: str
) -> tuple[Seen, bool]:
    """Make somebody a member of what they are invited to; whether the invite was used for it.

    Raises:
        Refusal: as `look_at_invite`; `auth_revoked`, `auth_expired`.
    """
    seen = await look_at_invite(state, principal, address, text)
    item_id = seen.invite.item_id
    return await state.writer.call(
        partial(_accept, principal=principal, item_id=item_id, text=text)
    )


def _look(connection: Connection, principal: Principal | None, text: str) -> Seen | None:
    invite = find_invite(connection, text)
    if invite is None or principal is None:
        return None if invite is None else Seen(invite, None, None)
    return _seen(
        connection, invite, principal, load_standing(connection, principal, invite.item_id)
    )


def _seen(
    connection: Connection, invite: StoredInvite, principal: Principal, standing: Standing
) -> Seen:
    departed = departed_at(connection, invite.item_key, principal.user_key)
    return Seen(invite, standing.member_role, departed)


def _accept(
    transaction: Transaction, principal: Principal, item_id: str, text: str
) -> tuple[Seen, bool]:
    # From here on the item is held: whoever else shows an invite to it came before, or waits.
    standing = check_standing(principal, transaction.standing(principal, item_id))
    invite = find_invite(transaction.connection, text)
    if invite is None:
        raise _unknown()
    seen = _seen(transaction.connection, invite, principal, standing)
    seen.check(transaction.now_ms)
    if not seen.leads_further(transaction.now_ms):
        return seen, False
    use_invite(transaction, invite)
    # As if the maker did it, who has said so before: the rights that it counts by are theirs.
    by = Giver(invite.maker, invite.via)
    give_role(transaction, invite.item_key, author_of(principal), invite.role, by=by)
    return replace(seen, member_role=invite.role), True


def _unknown() -> Refusal:
    return Refusal("not_found", "There is no such invite: perhaps a part of the link is missing.")
