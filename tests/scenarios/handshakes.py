"""The table of refusals at the door: what a client shows, and what it gets."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import httpx2

from api.accounts.users import disable_user
from api.app import ISSUER
from api.errors import CODES
from api.security import Tokens
from api.security.secret_file import load_secret
from tests.scenarios.clients import Attempt
from tests.scenarios.server_side import write
from tests.serving import PASSWORD, LiveServer, Person, Served

GARBAGE = "x" * 40


class Scene:
    """A server with people and items, and a credential of every kind that does not count."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.ada, self.eve = server.person("ada"), server.person("eve")
        for item_id in ("room", "gone", "other"):
            self.ada.create(item_id)
        self.ada.call("DELETE", "/items/gone")
        self.left = server.person("left")
        write(server, partial(disable_user, username="left"))

    @property
    def origin(self) -> str:
        return self.server.url

    def knock(self, item_id: str = "room", query: str = "", **more: str) -> Attempt:
        """An attempt with headers named like Python's arguments."""
        headers = tuple((name.replace("_", "-"), value) for name, value in more.items())
        return Attempt(f"{self.server.ws_url}/items/{item_id}/ws?{query}", headers)

    def cookie(self, person: Person) -> str:
        return f"itemroom_session={sign_in(self.server, person.username)}"

    def expired_token(self) -> str:
        tokens = Tokens(
            load_secret(self.server.settings),
            issuer=ISSUER,
            audience=ISSUER,
            clock=lambda: time.time() - 7200,
        )
        return tokens.issue(self.ada.id, use="access", ttl=3600).token

    def api_token(self, *, revoked: bool = False, **items: str) -> str:
        wanted = {"name": "test", "items": items or {"*": "reader"}}
        made = self.ada.call("POST", "/tokens", json=wanted).json()
        if revoked:
            self.ada.call("DELETE", f"/tokens/{made['id']}").raise_for_status()
        return str(made["token"])

    def logged_out_cookie(self) -> str:
        session = sign_in(self.server, "ada")
        cookies = {"itemroom_session": session}
        with httpx2.Client(base_url=self.server.url, cookies=cookies) as browser:
            browser.post("/auth/logout", headers={"Origin": self.origin}).raise_for_status()
        return f"itemroom_session={session}"

    def ticket(self, item_id: str = "room") -> str:
        return str(self.ada.call("POST", f"/items/{item_id}/tickets").json()["ticket"])


def sign_in(server: Served, username: str) -> str:
    """A browser's session."""
    with httpx2.Client(base_url=server.url) as browser:
        login = {"username": username, "password": PASSWORD}
        browser.post("/auth/login", json=login).raise_for_status()
        return str(browser.cookies["itemroom_session"])


@dataclass(frozen=True)
class Case:
    """How to knock, and the one right answer: a close after the accept, or a status before it."""

    name: str
    show: Callable[[Scene], Attempt]
    code: str
    status: int = 101

    @property
    def close_code(self) -> int:
        return CODES[self.code].close_code

    @property
    def retry(self) -> str:
        return CODES[self.code].retry


def by_cookie(cookie: str, origin: str, scene: Scene, query: str = "") -> Attempt:
    return scene.knock(query=query, Cookie=cookie, Origin=origin)


CLOSED = [
    Case("no_credential", lambda s: s.knock(), "auth_missing"),
    Case("empty_token", lambda s: s.knock(query="token="), "auth_invalid"),
    Case("garbage_token", lambda s: s.knock(query=f"token={GARBAGE}"), "auth_invalid"),
    Case("oversized_token", lambda s: s.knock(query=f"token={'x' * 5000}"), "auth_invalid"),
    Case(
        "unsigned_token", lambda s: s.knock(query=f"token={s.ada.token[:-4]}AAAA"), "auth_invalid"
    ),
    Case("basic_authorization", lambda s: s.knock(Authorization="Basic YTpi"), "auth_invalid"),
    Case(
        "garbage_in_the_subprotocol",
        lambda s: Attempt(s.knock().url, protocols=("itemroom.v1.json", f"bearer.{GARBAGE}")),
        "auth_invalid",
    ),
    Case("expired_token", lambda s: s.knock(query=f"token={s.expired_token()}"), "auth_expired"),
    Case(
        "revoked_api_token",
        lambda s: s.knock(query=f"token={s.api_token(revoked=True)}"),
        "auth_revoked",
    ),
    Case(
        "token_of_a_disabled_user", lambda s: s.knock(query=f"token={s.left.token}"), "auth_revoked"
    ),
    Case(
        "cookie_after_logout",
        lambda s: by_cookie(s.logged_out_cookie(), s.origin, s),
        "auth_invalid",
    ),
    Case("garbage_cookie", lambda s: by_cookie("itemroom_session=x", s.origin, s), "auth_invalid"),
    Case("two_tokens", lambda s: s.knock(query=f"token={s.ada.token}&token=b"), "auth_ambiguous"),
    Case(
        "token_and_ticket",
        lambda s: s.knock(query=f"token={s.ada.token}&ticket=b"),
        "auth_ambiguous",
    ),
    Case(
        "token_and_authorization",
        lambda s: s.knock(query=f"token={s.ada.token}", Authorization=f"Bearer {s.ada.token}"),
        "auth_ambiguous",
    ),
    Case(
        "two_session_cookies",
        lambda s: by_cookie(f"{s.cookie(s.ada)}; itemroom_session=b", s.origin, s),
        "auth_ambiguous",
    ),
    Case(
        "bad_token_beside_a_good_cookie",
        lambda s: by_cookie(s.cookie(s.ada), s.origin, s, query=f"token={GARBAGE}"),
        "auth_invalid",
    ),
    Case("unknown_ticket", lambda s: s.knock(query="ticket=abc"), "ticket_used"),
    Case(
        "ticket_of_another_item",
        lambda s: s.knock(query=f"ticket={s.ticket('other')}"),
        "ticket_used",
    ),
    Case("missing_item", lambda s: s.knock("nowhere", f"token={s.ada.token}"), "item_not_found"),
    Case("foreign_item", lambda s: s.knock(query=f"token={s.eve.token}"), "item_not_found"),
    Case("deleted_item", lambda s: s.knock("gone", f"token={s.ada.token}"), "item_not_found"),
    Case(
        "item_outside_the_tokens_limits",
        lambda s: s.knock(query=f"token={s.api_token(other='reader')}"),
        "item_not_found",
    ),
    Case("missing_item_without_a_credential", lambda s: s.knock("nowhere"), "auth_missing"),
]

DENIED = [
    Case(
        "foreign_origin_with_a_cookie",
        lambda s: by_cookie(s.cookie(s.ada), "https://evil.example", s),
        "origin_denied",
        403,
    ),
    Case(
        "null_origin_with_a_cookie",
        lambda s: by_cookie(s.cookie(s.ada), "null", s),
        "origin_denied",
        403,
    ),
    Case(
        "cookie_and_another_sites_page_without_its_origin",
        lambda s: s.knock(Cookie=s.cookie(s.ada), Sec_Fetch_Site="same-site"),
        "origin_denied",
        403,
    ),
    Case(
        "after_that_is_no_number",
        lambda s: s.knock(query=f"token={s.ada.token}&after=abc"),
        "malformed",
        400,
    ),
    Case(
        "tail_that_is_no_number",
        lambda s: s.knock(query=f"token={s.ada.token}&tail=-1"),
        "malformed",
        400,
    ),
    Case(
        "strange_host",
        lambda s: Attempt(s.knock(query=f"token={s.ada.token}").url, host="evil.example"),
        "malformed",
        400,
    ),
    Case(
        "cookie_under_a_name_for_programs",
        lambda s: Attempt(
            s.knock().url, (("Cookie", f"__Host-{s.cookie(s.ada)}"),), host="itemroom"
        ),
        "origin_denied",
        403,
    ),
    Case("unknown_path", lambda s: Attempt(f"{s.server.ws_url}/nowhere"), "not_found", 404),
]
