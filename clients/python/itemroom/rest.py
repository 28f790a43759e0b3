"""The REST calls of docs/protocol.md, as a thin synchronous client."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from itemroom.answers import (
    Account,
    Grown,
    Invite,
    InviteAccepted,
    InviteLook,
    Item,
    LiveRoom,
    Me,
    Member,
    MessageNow,
    MessagePage,
    NewInvite,
    NewToken,
    PresenceSummary,
    Stored,
    Token,
)
from itemroom.batches import BatchAnswer, BatchCommand
from itemroom.core import verdicts
from itemroom.core.acting import AS_HEADER
from itemroom.core.entries import ENTRY_TYPES, Entry, entry_of
from itemroom.core.errors import Refused
from itemroom.core.frames import End, Role
from itemroom.core.paths import item_segment, last_segment, segment
from itemroom.pouring import Pouring

T = TypeVar("T")

# Seconds for one call.
TIMEOUT = 15.0
# Of a page, where all pages are asked for.
PAGE = 100


class Client:
    """Calls a server over REST. It tries nothing again: `Room` is for what must arrive.

    Every call raises Refused when the server says no, when it cannot be reached (`unreachable`),
    when what answers is no Itemroom (`bad_answer`), and for a value that cannot be a part of an
    address.

    Args:
        url: the server's, with http or https; it may have a path.
        token: an access token, an API token or a service key; None: signs nobody in.
        as_: whom a service key acts for: a username, or `ext:` and a `sub`. The calls that have
            an `as_` of their own obey that; None: the key itself.
        timeout: seconds for one call.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        as_: str | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        self._as = as_
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=timeout)

    @classmethod
    def sign_in(cls, url: str, username: str, password: str) -> "Client":
        """A client with a fresh access token, which lives an hour."""
        with cls(url) as stranger:
            form = {"username": username, "password": password}
            answer = stranger.call("POST", "/auth/token", data=form)
        return cls(url, token=answer["access_token"])

    @property
    def token(self) -> str | None:
        """What it shows, for a `Room`."""
        shown = self._http.headers.get("Authorization")
        return shown.removeprefix("Bearer ") if shown is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def call(self, method: str, path: str, *, as_: str | None = None, **request: Any) -> Any:
        """Any call: the answer's JSON, or None. `request` is passed on to httpx2."""
        acting = self._as if as_ is None else as_
        if acting is not None:
            headers = httpx2.Headers(request.pop("headers", None))
            # A header holds bytes, and a username any letters.
            request["headers"] = [*headers.raw, (AS_HEADER.encode(), acting.encode())]
        try:
            answer = self._http.request(method, path, **request)
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Refused("unreachable", f"{reason}.", retry="later") from error
        if not answer.is_success:
            raise verdicts.denied(answer.status_code, answer.headers, answer.content)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:  # The page of a proxy.
            sentence = "The answer is no JSON."
            status = answer.status_code
            raise Refused("bad_answer", sentence, retry="later", status=status) from error

    def me(self) -> Me:
        """Who you are."""
        return self._ask(Me, "GET", "/auth/me")

    def create_item(
        self, item: str | None = None, *, as_: str | None = None, **fields: Any
    ) -> Item:
        """A new item, with `title` and `default_role` if given; you are its admin."""
        return self._ask(Item, "POST", "/items", as_=as_, json=_given(id=item, **fields))

    def items(self) -> Iterator[Item]:
        """Your items, newest activity first."""
        return self._pages("/items", "items")

    def item(self, item: str) -> Item:
        """One item, with your `role`, `head`, `read_seq` and `unread`."""
        return self._ask(Item, "GET", _path(item))

    def change_item(self, item: str, **fields: Any) -> Item:
        """Change `title`, `default_role` or `retention_days`."""
        return self._ask(Item, "PATCH", _path(item), json=fields)

    def delete_item(self, item: str) -> None:
        """Delete it with its log, for good."""
        self.call("DELETE", _path(item))

    def members(self, item: str) -> Iterator[Member]:
        """Its members, by username."""
        return self._pages(_path(item, "members"), "members")

    def set_member(self, item: str, username: str, role: Role, *, as_: str | None = None) -> Member:
        """Make somebody a member, or give them another role."""
        path = _path(item, "members", last_segment(username))
        return self._ask(Member, "PUT", path, as_=as_, json={"role": role})

    def remove_member(self, item: str, username: str, *, as_: str | None = None) -> None:
        """Remove somebody, or leave."""
        self.call("DELETE", _path(item, "members", last_segment(username)), as_=as_)

    def create_invite(
        self,
        item: str,
        role: Role,
        *,
        uses: int | None = 1,
        expires_in: int | None = None,
        as_: str | None = None,
    ) -> NewInvite:
        """A link that makes whoever opens it a member: in the answer, this once.

        Args:
            item: the item's id.
            role: what they become.
            uses: how many may come in by it; None: any number.
            expires_in: seconds; None: a week.
            as_: whom a service key acts for.
        """
        wish = {"role": role, "uses": uses, **_given(expires_in=expires_in)}
        return self._ask(NewInvite, "POST", _path(item, "invites"), as_=as_, json=wish)

    def invites(self, item: str) -> list[Invite]:
        """The invites of an item that have not ended, the newest first."""
        return list(self.call("GET", _path(item, "invites"))["invites"])

    def revoke_invite(self, item: str, invite_id: str, *, as_: str | None = None) -> None:
        """End one of them; whoever came in by it stays."""
        self.call("DELETE", _path(item, "invites", segment(invite_id)), as_=as_)

    def look_at_invite(self, invite: str) -> InviteLook:
        """Where an invite leads: its text, or the link that has it."""
        return self._ask(InviteLook, "POST", "/invites/look", json=_text_of(invite))

    def accept_invite(self, invite: str) -> InviteAccepted:
        """Become a member of what you are invited to; likewise."""
        return self._ask(InviteAccepted, "POST", "/invites/accept", json=_text_of(invite))

    def messages(
        self,
        item: str,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> MessagePage:
        """A page of `messages` as they stand now, with `head`, `oldest` and `epoch`."""
        query = _given(before=before, after=after, limit=limit)
        return self._ask(MessagePage, "GET", _path(item, "messages"), params=query)

    def log(self, item: str, *, after: int = 0) -> Iterator[Entry]:
        """All entries after a seq, as a room would replay them, up to the newest."""
        while True:
            query = {"after": after, "limit": PAGE}
            page = self.call("GET", _path(item, "log"), params=query)
            # Of later versions: to be ignored.
            yield from (entry_of(one) for one in page["entries"] if one["type"] in ENTRY_TYPES)
            after = page["entries"][-1]["seq"] if page["entries"] else page["head"]
            if after >= page["head"]:
                return

    def publish(
        self, item: str, body: object, *, ref: str | None = None, as_: str | None = None
    ) -> Stored:
        """Publish a message: its `seq` and `at`; give a `ref` to make a repeat safe."""
        message = _given(ref=ref) | {"body": body}
        return self._ask(Stored, "POST", _path(item, "messages"), as_=as_, json=message)

    def edit(
        self,
        item: str,
        seq: int,
        body: object,
        *,
        ref: str | None = None,
        as_: str | None = None,
    ) -> Stored:
        """Give a message another body."""
        message = _given(ref=ref) | {"body": body}
        path = _path(item, "messages", segment(seq))
        return self._ask(Stored, "PATCH", path, as_=as_, json=message)

    def delete(self, item: str, seq: int, *, as_: str | None = None) -> Stored:
        """Delete a message."""
        return self._ask(Stored, "DELETE", _path(item, "messages", segment(seq)), as_=as_)

    def react(
        self, item: str, seq: int, value: str, *, on: bool = True, as_: str | None = None
    ) -> Stored:
        """Put a reaction on a message, or take it back."""
        path = _path(item, "messages", segment(seq), "reactions", last_segment(value))
        return self._ask(Stored, "PUT" if on else "DELETE", path, as_=as_)

    def batch(self, commands: Sequence[BatchCommand]) -> list[BatchAnswer]:
        """Up to 1,000 commands at once: what became of each, in their order.

        It raises Refused when the batch was refused as a whole, and for no command of it.
        """
        answers = self.call("POST", "/batch", json={"commands": list(commands)})
        return list(answers["answers"])

    def message(self, item: str, seq: int) -> MessageNow:
        """One message as it stands now; in the making, it is `open` and has a `length`."""
        return self._ask(MessageNow, "GET", _path(item, "messages", segment(seq)))

    def start(
        self, item: str, body: object, *, ref: str | None = None, as_: str | None = None
    ) -> Stored:
        """Begin a message whose text grows; `relay` does all of it."""
        message = _given(ref=ref) | {"body": body, "open": True}
        return self._ask(Stored, "POST", _path(item, "messages"), as_=as_, json=message)

    def append(
        self,
        item: str,
        seq: int,
        at: int,
        text: str,
        *,
        part: int | None = None,
        as_: str | None = None,
    ) -> Grown:
        """Add text where it ends, in code points; `stopped` if somebody wants it to end."""
        more = _given(part=part) | {"at": at, "text": text}
        path = _path(item, "messages", segment(seq), "append")
        return self._ask(Grown, "POST", path, as_=as_, json=more)

    def finish(
        self,
        item: str,
        seq: int,
        state: End = "done",
        *,
        error: Mapping[str, Any] | None = None,
        body: object = None,
        ref: str | None = None,
        as_: str | None = None,
    ) -> Stored:
        """End a message in the making; `body` in place of what has come."""
        end = _given(state=state, error=error, body=body, ref=ref)
        path = _path(item, "messages", segment(seq), "finish")
        return self._ask(Stored, "POST", path, as_=as_, json=end)

    def stop(
        self, item: str, seq: int, *, ref: str | None = None, as_: str | None = None
    ) -> Stored:
        """Ask the author of a message in the making to end it."""
        path = _path(item, "messages", segment(seq), "stop")
        return self._ask(Stored, "POST", path, as_=as_, json=_given(ref=ref))

    def relay(
        self,
        item: str,
        texts: Iterable[str],
        body: object = "",
        *,
        ref: str | None = None,
        as_: str | None = None,
    ) -> Stored:
        """Stream all texts into one message, until somebody asks to stop; its `seq` and `at`.

        Each text is a call, tried again for a minute. By an exception of theirs it has failed.
        """
        return Pouring(self, item, as_).run(texts, body, ref)

    def read(self, item: str, seq: int) -> None:
        """You have read up to here."""
        self.call("PUT", _path(item, "read"), json={"seq": seq})

    def presence(self, item: str) -> PresenceSummary:
        """Who is connected: `count`, and `users` up to 200."""
        return self._ask(PresenceSummary, "GET", _path(item, "presence"))

    def ticket(self, item: str, *, as_: str | None = None) -> str:
        """For one connection within 30 seconds."""
        return str(self.call("POST", _path(item, "tickets"), as_=as_)["ticket"])

    def put_user(self, username: str, *, name: str | None = None) -> Account:
        """See that there is a user, shown as `name`; for service keys that act for any user."""
        user = {"username": username, **_given(display_name=name)}
        return self._ask(Account, "POST", "/users", json=user)

    def disconnect(self, username: str) -> None:
        """Close all sockets of a user; for service keys that act for any user."""
        self.call("POST", f"/users/{last_segment(username)}/disconnect")

    def rooms(self) -> Iterator[LiveRoom]:
        """The live rooms of a service key's items, by item."""
        return self._pages("/rooms", "rooms")

    def create_token(
        self, name: str, items: Mapping[str, Role], *, expires_in: int | None = None
    ) -> NewToken:
        """An API token, limited to items: its text is in the answer, this once."""
        wish = {"name": name, "items": dict(items), **_given(expires_in=expires_in)}
        return self._ask(NewToken, "POST", "/tokens", json=wish)

    def tokens(self) -> list[Token]:
        """Your API tokens."""
        return list(self.call("GET", "/tokens")["tokens"])

    def revoke_token(self, token_id: str) -> None:
        """End one of them."""
        self.call("DELETE", f"/tokens/{segment(token_id)}")

    def _ask(self, _: type[T], method: str, path: str, **request: Any) -> T:
        """A call whose answer has a shape: the contract's word for it, not checked."""
        answer: T = self.call(method, path, **request)
        return answer

    def _pages(self, path: str, name: str) -> Iterator[Any]:
        query: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self.call("GET", path, params=query)
            yield from page[name]
            if page["next"] is None:
                return
            query["after"] = page["next"]


def _path(item: str, *parts: str) -> str:
    return "/".join(["/items", item_segment(item), *parts])


def _text_of(invite: str) -> dict[str, str]:
    return {"token": invite.strip().rpartition("/")[2]}


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
