"""An operator through the running server, with a token made from the secret that both know."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from itemroom import Refused
from itemroom.core.paths import last_segment, segment

from ..accounts.keys import KeyRequest
from ..accounts.names import check_username
from ..app import OPERATOR_TOKEN_TTL, make_tokens
from ..errors import Refusal
from ..rights.access import Role
from ..security.claims import check_patterns
from ..security.secret_file import secret_path
from ..settings import Settings
from ..webhooks.hooks import Change, Wish
from .failures import Failure

# Seconds: a server that has just started migrates its database before it answers.
TIMEOUT = 30.0


@contextmanager
def online(settings: Settings, url: str, pid: object) -> Iterator["Online"]:
    """An operator through the server at `url`, which process `pid` says it is."""
    holder = f"A server (process {pid}, {url}) holds the database"
    # Not with the proxies of the environment: the server is on this machine.
    with httpx2.Client(base_url=url, timeout=TIMEOUT, trust_env=False) as client:
        yield Online(settings, client, holder)


class Online:
    """Calls the server; `holder` begins the sentences that say why that does not work."""

    def __init__(self, settings: Settings, client: httpx2.Client, holder: str) -> None:
        self._settings = settings
        self._client = client
        self._holder = holder

    def create_user(
        self, username: str, password: str | None, name: str | None, *, admin: bool = False
    ) -> None:
        """Have the server make a user; a username that cannot be is refused here."""
        check_username(username)  # The server's refusal has no sentence for people.
        wanted = {
            "username": username,
            "password": password,
            "display_name": name,
            "admin": admin,
        }
        self._post("users", wanted)

    def disable_user(self, username: str) -> None:
        """Have the server keep a user out: it closes their sockets too."""
        self._post(f"{_user(username)}/disable")

    def enable_user(self, username: str) -> None:
        """Have the server let a disabled user sign in again."""
        self._post(f"{_user(username)}/enable")

    def set_admin(self, username: str, *, admin: bool) -> None:
        """Have the server let a user see how it does, or no longer."""
        self._post(f"{_user(username)}/admin", {"admin": admin})

    def set_password(self, username: str, password: str) -> None:
        """Have the server hash and store another password."""
        self._post(f"{_user(username)}/password", {"password": password})

    def create_token(self, username: str, name: str, items: Mapping[str, Role], ttl: int) -> str:
        """Have the server make an API token. Its text."""
        wanted = {"username": username, "name": name, "items": dict(items), "expires_in": ttl}
        token: str = self._post("tokens", wanted)["token"]
        return token

    def create_key(self, wish: KeyRequest) -> str:
        """Have the server make a service key. Its text."""
        check_username(wish.name)  # As for a user.
        check_patterns(wish.items)
        wanted = {
            "name": wish.name,
            "items": dict(wish.items),
            "expires_in": wish.ttl,
            "acts_for_others": wish.acts_for_others,
        }
        return str(self._post("keys", wanted)["key"])

    def rotate_key(self, name: str, grace: int) -> str:
        """Have the server give a service key another text."""
        return str(self._post(f"{_key(name)}/rotate", {"grace": grace})["key"])

    def revoke_key(self, name: str) -> None:
        """Have the server end a service key: it closes its sockets too."""
        self._post(f"{_key(name)}/revoke")

    def create_webhook(self, wish: Wish) -> str:
        """Have the server make a webhook, which delivers it from now on. Its id."""
        wanted = {
            "url": wish.url,
            "items": wish.items,
            "kinds": None if wish.kinds is None else sorted(wish.kinds),
            "secret": wish.secret,
            "from": "start" if wish.start else "now",
        }
        return str(self._call("POST", "/webhooks", wanted)["id"])

    def change_webhook(self, webhook_id: str, change: Change) -> None:
        """Have the server pause a webhook, or go on with it."""
        wanted = {"state": "active" if change.active else "paused", "skip": change.skip}
        self._call("PATCH", _webhook(webhook_id), wanted)

    def delete_webhook(self, webhook_id: str) -> None:
        """Have the server end a webhook."""
        self._call("DELETE", _webhook(webhook_id))

    def test_webhook(self, webhook_id: str) -> str | None:
        """Have the server call the receiver."""
        reason: str | None = self._call("POST", f"{_webhook(webhook_id)}/test")["reason"]
        return reason

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._call("POST", f"/operator/{path}", body)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token()}"}
        try:
            response = self._client.request(method, path, json=body, headers=headers)
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Failure(f"{self._holder} and does not answer: {reason}.") from error
        return self._read(response)

    def _read(self, response: httpx2.Response) -> Any:
        if response.status_code == 204:
            return None
        if response.status_code == 401:
            raise Failure(f"{self._holder} and has another secret: set ITEMROOM_SECRET as it is.")
        try:
            answer = response.json()
            if response.status_code in {200, 201}:
                return answer
            refusal = Refusal(answer["code"], answer["detail"])
        except (ValueError, KeyError, TypeError) as error:
            status = response.status_code
            raise Failure(f"{self._holder}; its answer, {status}, is not Itemroom's.") from error
        raise refusal

    def _token(self) -> str:
        settings = self._settings
        # Asked first: `load_secret` would make a secret, and that is the server's business.
        if settings.secret is None and not secret_path(settings).exists():
            raise Failure(f"{self._holder} with a secret of its own: set ITEMROOM_SECRET as it is.")
        issued = make_tokens(settings).issue("operator", use="operator", ttl=OPERATOR_TOKEN_TTL)
        return issued.token


def _key(name: str) -> str:
    """A key's path, likewise."""
    try:
        return f"keys/{segment(name)}"
    except Refused:
        raise Refusal("not_found", "There is no such key.") from None


def _webhook(webhook_id: str) -> str:
    """A webhook's path, likewise."""
    try:
        return f"/webhooks/{segment(webhook_id)}"
    except Refused:
        raise Refusal("not_found", "There is no such webhook.") from None


def _user(username: str) -> str:
    """A user's path. A name that no address can hold is nobody's: the server refuses to make it."""
    try:
        return f"users/{last_segment(username)}"
    except Refused:
        raise Refusal("not_found", "There is no such user.") from None
